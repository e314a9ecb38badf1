/** Evaluations: on the test examples, with a backdoor's trigger, and client by client. */
import { drawClients } from '../devices/index.js';
import { testBlocks } from '../execution/memory.js';
import type { WorkerPool } from '../execution/pool.js';
import { resultFields, resultWidth, type SharedRound } from '../execution/setting.js';
import { deriveSeed, purposes } from '../seeds.js';
import type { PreparedScenario } from './prepare.js';
import { type Distribution, distributionOf } from './record.js';

export interface MeasuredCheckpoint {
  readonly slot: number;
  readonly version: number;
  readonly round: number;
  readonly learningRate: number;
}

/** Means over the test examples, or over those that a backdoor is tried on; undefined where there are none. */
export async function measureTest(
  { plan, test }: PreparedScenario,
  pool: WorkerPool,
  shared: SharedRound,
  checkpoint: MeasuredCheckpoint,
  what: 'test' | 'backdoor',
): Promise<Readonly<Record<string, number>> | undefined> {
  if (test === undefined) return undefined;
  const jobs = testBlocks(test.count);
  await pool.run({ kind: 'evaluate', what, jobs, firstBlock: 0, ...checkpoint });
  const { metrics } = plan.manifest;
  const width = metrics.length + 1;
  const totals = new Float64Array(width);
  for (let job = 0; job < jobs; job += 1) {
    for (let at = 0; at < width; at += 1) totals[at] += shared.blocks[job * width + at];
  }
  const weight = totals[metrics.length];
  if (weight === 0) return undefined;
  return Object.fromEntries(metrics.map(({ name }, at) => [name, totals[at] / weight]));
}

/** The first metric of these that the plan has is what clients are compared by. */
const clientMetrics = ['accuracy', 'meanSquaredError', 'loss'];

export interface ClientMeasurement {
  readonly distribution: Distribution;
  readonly clients: readonly number[];
  readonly values: readonly number[];
}

/** Each evaluated client's metric on what it holds out. */
export async function measureClients(
  prepared: PreparedScenario,
  pool: WorkerPool,
  shared: SharedRound,
  checkpoint: MeasuredCheckpoint,
): Promise<ClientMeasurement | undefined> {
  const { scenario, plan } = prepared;
  const settings = scenario.evaluation.clients;
  if (settings === null) return undefined;
  const chosen = evaluatedClients(prepared);
  shared.clients.set(chosen);
  await pool.run({ kind: 'evaluate', what: 'clients', jobs: chosen.length, firstBlock: 0, ...checkpoint });
  const { metrics } = plan.manifest;
  const width = resultWidth(metrics.length);
  const metric = Math.max(
    0,
    metrics.findIndex(
      ({ name }) => name === clientMetrics.find((known) => metrics.some((own) => own.name === known)),
    ),
  );
  const measured = [...chosen].flatMap((client, job) => {
    const examples = shared.results[job * width + resultFields.examples];
    return examples === 0
      ? []
      : [{ client, value: shared.results[job * width + resultFields.metrics + metric] / examples }];
  });
  if (measured.length === 0) return undefined;
  const values = measured.map(({ value }) => value);
  const better = metrics[metric].name === 'accuracy' ? 'higher' : 'lower';
  return {
    distribution: distributionOf(values, better),
    clients: measured.map(({ client }) => client),
    values,
  };
}

/** Those who are evaluated, the same each time. */
export function evaluatedClients({ scenario, clients }: PreparedScenario): Uint32Array {
  const sample = scenario.evaluation.clients?.sample ?? 0;
  return drawClients(clients, Math.min(sample, clients), deriveSeed(scenario.seed, purposes.holdout));
}
