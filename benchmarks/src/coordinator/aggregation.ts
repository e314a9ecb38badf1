/** How fast updates become durable and part of the sum, and what memory that takes, cohort by cohort. */
import type { BenchmarkOptions, Figure } from '../figure.js';
import { rounded } from '../figure.js';
import { connectOperator } from './access.js';
import type { CoordinatorOptions } from './options.js';
import { startClients, startCoordinator } from './processes.js';
import { type EncodingName, parameterCountOf, taskJson, taskName } from './task.js';
import type { Uploaded, UploadInput } from './upload-clients.js';

const megabyte = 1e6;

export async function* measureAggregation(
  options: CoordinatorOptions,
  { note }: BenchmarkOptions,
): AsyncGenerator<Figure> {
  for (const encoding of ['float32', '8bit'] as const) {
    const measured: CohortMemory[] = [];
    for (const cohort of options.cohorts) {
      note(`${cohort} updates of ${parameterCountOf(options.parameters)} parameters as ${encoding} …`);
      measured.push(yield* measureRound(options, cohort, encoding));
    }
    yield* growth(options, encoding, measured);
  }
}

/** In bytes. */
interface CohortMemory {
  readonly cohort: number;
  /** With the whole cohort connected, each over a connection of its own, and told to work. */
  readonly before: number;
  /** The most on top of that while updates were received and summed. */
  readonly aggregation: number;
}

/** What one device more costs, from the smallest cohort to the largest: its connection, and its update. */
function* growth(
  { parameters }: CoordinatorOptions,
  encoding: EncodingName,
  measured: readonly CohortMemory[],
): Generator<Figure> {
  const sorted = [...measured].sort((a, b) => a.cohort - b.cohort);
  const [least] = sorted;
  const most = sorted[sorted.length - 1];
  if (most.cohort === least.cohort) return;
  const figure = (metric: string, unit: string, value: number): Figure => ({
    benchmark: 'coordinator',
    case: `${encoding} cohort ${least.cohort} to ${most.cohort}`,
    metric,
    unit,
    value: rounded(value),
  });
  const devices = most.cohort - least.cohort;
  const modelBytes = 4 * parameterCountOf(parameters);
  yield figure('memoryPerConnection', 'kB', (most.before - least.before) / devices / 1000);
  yield figure(
    'aggregationGrowthPerUpdate',
    '% of the model',
    (100 * (most.aggregation - least.aggregation)) / devices / modelBytes,
  );
}

/** One round in a fresh coordinator, so that no cohort inherits memory from the one before. */
async function* measureRound(
  { parameters, clients }: CoordinatorOptions,
  cohort: number,
  encoding: EncodingName,
): AsyncGenerator<Figure, CohortMemory> {
  const figure = (metric: string, unit: string, value: number): Figure => ({
    benchmark: 'coordinator',
    case: `${encoding} cohort ${cohort}`,
    metric,
    unit,
    value: rounded(value),
  });
  const coordinator = await startCoordinator();
  const { operations, connection, access, applyTask } = await connectOperator(coordinator, cohort);
  await applyTask(taskJson(parameters, cohort, encoding));
  const { run } = await operations.startRun({ taskName, seed: 1 });
  const runId = run?.runId ?? '';
  const input: UploadInput = { address: coordinator.address, access, cohort, parameters, encoding, clients };
  const uploads = startClients('upload-clients', input);
  try {
    await uploads.next();
    await coordinator.forgetPeak();
    const before = await coordinator.residentBytes();
    uploads.proceed();
    const { seconds, bytes } = await uploads.next<Uploaded>();
    const acknowledgedAt = performance.now();
    for await (const { event } of operations.watchRun({ runId, afterSequence: 0 })) {
      if (event?.kind?.kind === 'roundCommitted') break;
    }
    yield figure('uploadThroughput', 'MB/s', bytes / megabyte / seconds);
    yield figure('commitTime', 'ms', performance.now() - acknowledgedAt);
    yield figure('memoryBefore', 'MB', before / megabyte);
    const peak = await coordinator.peakBytes();
    yield figure('memoryPeak', 'MB', peak / megabyte);
    yield figure('memoryOfAggregation', 'MB', (peak - before) / megabyte);
    return { cohort, before, aggregation: peak - before };
  } finally {
    connection.close();
    await uploads.stop();
    await coordinator.stop();
  }
}
