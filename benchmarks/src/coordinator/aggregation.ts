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
    for (const cohort of options.cohorts) {
      note(`${cohort} updates of ${parameterCountOf(options.parameters)} parameters as ${encoding} …`);
      yield* measureRound(options, cohort, encoding);
    }
  }
}

/** One round in a fresh coordinator, so that no cohort inherits memory from the one before. */
async function* measureRound(
  { parameters, clients }: CoordinatorOptions,
  cohort: number,
  encoding: EncodingName,
): AsyncGenerator<Figure> {
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
    yield figure('memoryPeak', 'MB', (await coordinator.peakBytes()) / megabyte);
  } finally {
    connection.close();
    await uploads.stop();
    await coordinator.stop();
  }
}
