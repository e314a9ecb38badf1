/** Ranges of a model's activations from the examples of a fleet: sums of histograms, which no device says by itself. */
import {
  calibratedTensors,
  fleetLayout,
  type Model,
  prepare,
  QuantizeError,
  quantizationPoints,
  RangeSketch,
  sketchLength,
} from '@starling/engine';
import type { AnalyticsQuery, AnalyticsResult } from '@starling/federation';
import { requireField } from '@starling/proto';
import { createSystemClock } from '../adapters/index.js';
import { parseStoredTask } from '../tasks/index.js';
import { askSigned } from './ask-signed.js';
import type { Remote } from './connection.js';
import { UsageError } from './explain.js';
import { ownerKey } from './owner-key.js';
import { remark, type Terminal } from './terminal.js';

export interface FleetCalibration {
  readonly runId: string;
  readonly examplesMax: number;
  readonly epsilon: number | undefined;
  /** File with the owner's key. */
  readonly key: string | undefined;
}

/**
 * Asks the devices of the run's task, and gives a sketch for each activation of the model by name.
 * @param model the run's newest checkpoint, exported
 */
export async function calibrateFleet(
  { operations }: Remote,
  { runId, examplesMax, epsilon, key }: FleetCalibration,
  model: Model,
  terminal: Terminal,
): Promise<ReadonlyMap<string, RangeSketch>> {
  const { signal } = terminal;
  const run = requireField((await operations.getRun({ runId }, { signal })).run, 'GetRunResponse.run');
  const { taskName } = run;
  const checkpoint = requireField(run.checkpoint, 'Run.checkpoint');
  const task = requireField(
    (await operations.getTask({ name: taskName }, { signal })).task,
    'GetTaskResponse.task',
  );
  const { contract } = parseStoredTask(task.definitionJson);
  const tensors = calibratedTensors(quantizationPoints(prepare(model)));
  const query: AnalyticsQuery = {
    column: contract.features[0].name,
    statistic: {
      kind: 'activations',
      checkpoint: Buffer.from(checkpoint.sha256).toString('hex'),
      checkpointBytes: checkpoint.sizeBytes,
      tensors: tensors.length,
      buckets: sketchLength(fleetLayout),
    },
    valuesMax: examplesMax,
  };
  const question = { taskName, query, epsilon };
  const asked = await askSigned(
    operations,
    question,
    await ownerKey(key, terminal),
    createSystemClock().now(),
    signal,
  );
  remark(terminal, `Run ${asked.runId} asks the devices of task ${taskName} about activations …`);
  for await (const _ of operations.watchRun({ runId: asked.runId, afterSequence: 0 }, { signal })) {
    // Until the run is over; its answer is in the run itself.
  }
  const answered = requireField(
    (await operations.getRun({ runId: asked.runId }, { signal })).run,
    'GetRunResponse.run',
  );
  if (answered.analyticsResultJson === '') {
    throw new UsageError(
      `The devices gave no answer: ${answered.reason}`,
      'Calibrate with examples here: --examples FOLDER.',
    );
  }
  return sketchesOf(JSON.parse(answered.analyticsResultJson) as AnalyticsResult, tensors);
}

/** Rounding under masks leaves crumbs in empty buckets, as many below zero as above: those tell how large they are. */
const crumbsOverLowest = 2;

export function sketchesOf(
  result: AnalyticsResult,
  tensors: readonly string[],
): ReadonlyMap<string, RangeSketch> {
  if (result.kind !== 'activations' || result.histograms.length !== tensors.length) {
    throw new QuantizeError('quantize/calibration', 'the answer is about another model; ask again');
  }
  const lowest = result.histograms.flat().reduce((least, count) => Math.min(least, count), 0);
  const least = Math.max(result.noise, -crumbsOverLowest * lowest);
  return new Map(
    tensors.map((name, at) => {
      const counts = Float64Array.from(result.histograms[at], (count) => (count > least ? count : 0));
      return [name, new RangeSketch(fleetLayout, counts)];
    }),
  );
}
