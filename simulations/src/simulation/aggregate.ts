/** From what workers summed to what the algorithm applies. */
import {
  type Accumulator,
  addGaussianNoise,
  aggregateRobustly,
  columnsOf,
  createAccumulator,
  createSeededEntropy,
  decodeSum,
  isExact,
  mean,
  mergeAccumulators,
  type RoundSums,
  roundWeight,
} from '@starling/federation';
import type { WorkerPool } from '../execution/pool.js';
import { resultFields, resultWidth, type SharedRound } from '../execution/setting.js';
import type { PreparedScenario } from './prepare.js';

export interface Aggregate {
  readonly sums: RoundSums;
  readonly exact: boolean;
  readonly clipRate: number | undefined;
}

/** All of it in the order of jobs, so that how they were divided over workers changes no bit. */
export async function aggregate(
  prepared: PreparedScenario,
  pool: WorkerPool,
  shared: SharedRound,
  jobs: number,
  magnitudeBound: number,
  chance: { readonly round: number; readonly rotationSeed: Uint8Array },
): Promise<Aggregate> {
  const { plan, scenario, local, clients } = prepared;
  const { parameterCount, metrics } = plan.manifest;
  const width = resultWidth(metrics.length);
  const field = (job: number, at: number): number => shared.results[job * width + at];
  let weight = 0;
  let scalar = 0;
  let clipped = 0;
  for (let job = 0; job < jobs; job += 1) {
    weight += roundWeight(field(job, resultFields.weight));
    scalar += field(job, resultFields.scalar);
    clipped += field(job, resultFields.clipped);
  }
  const total = sumOf(
    parameterCount,
    pool.sums.map(({ deltas }) => deltas),
    { weight, count: jobs, magnitudeBound },
  );
  const { strategy, privacy } = scenario;
  const robust = 'aggregation' in strategy ? strategy.aggregation : undefined;
  let combined: Float32Array;
  if (local.layout !== undefined) {
    const masked = new Uint32Array(local.layout.vectorLength);
    const mask = 2 ** local.layout.ringBits - 1;
    for (const { masked: own } of pool.sums) for (let i = 0; i < masked.length; i += 1) masked[i] += own[i];
    for (let i = 0; i < masked.length; i += 1) masked[i] = (masked[i] & mask) >>> 0;
    const decoded = decodeSum(local.layout, masked, jobs, chance.rotationSeed);
    combined = decoded.mean;
    weight = decoded.weight;
  } else if (robust !== undefined) {
    const rows = Array.from({ length: jobs }, (_, job) =>
      shared.updates.subarray(job * parameterCount, (job + 1) * parameterCount),
    );
    const weights = rows.map((_, job) => field(job, resultFields.weight));
    combined = await aggregateRobustly(robust, columnsOf(rows, weights));
  } else {
    combined = mean(total);
  }
  if (privacy !== null && privacy.noiseMultiplier > 0) {
    const entropy = createSeededEntropy(scenario.seed).fork(`noise ${chance.round}`);
    addGaussianNoise(
      entropy,
      (privacy.noiseMultiplier * sensitivityOf(prepared, privacy.clip)) / jobs,
      combined,
    );
  }
  const extras = pool.sums.map(({ extras: own }) => own);
  const extraMean =
    extras[0].length === 0
      ? undefined
      : mean(sumOf(parameterCount, extras, { weight: jobs, count: jobs, magnitudeBound }));
  return {
    sums: { mean: combined, weight, count: jobs, extraMean, scalars: [scalar], fleet: clients },
    exact: local.layout !== undefined || robust !== undefined || isExact(total),
    clipRate: local.clip === undefined && local.layout === undefined ? undefined : clipped / jobs,
  };
}

/** What one update can change of the sum: rounding under masks makes it longer by one step an element at most. */
function sensitivityOf({ local: { layout }, plan }: PreparedScenario, clip: number): number {
  const step = layout === undefined ? 0 : layout.step * layout.weightMaximum;
  return clip + step * Math.sqrt(plan.manifest.parameterCount);
}

function sumOf(
  parameterCount: number,
  parts: readonly Float64Array[],
  totals: { readonly weight: number; readonly count: number; readonly magnitudeBound: number },
): Accumulator {
  const sum = { ...createAccumulator(parameterCount), ...totals };
  for (const sums of parts) mergeAccumulators(sum, { ...createAccumulator(0), parameterCount, sums });
  return sum;
}
