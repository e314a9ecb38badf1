/** Running `train.onnx`, and `train-blocks.onnx` where there is one, chunk by chunk. */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { elementCount } from '../onnx/index.js';
import { copiedSteps } from '../plan/chunks.js';
import type { PlanManifest } from '../plan/index.js';
import { metricOutput } from '../plan/names.js';
import {
  firstNonFinite,
  requireCorrection,
  requireExamples,
  requireFiniteDelta,
  requireLocal,
  requireParameters,
  requireRoom,
  throwIfAborted,
} from './checks.js';
import type { ChunkBuffers } from './chunk-buffers.js';
import { ChunkReader, copyRows } from './chunk-reader.js';
import { discard } from './discard.js';
import { EpochOrder } from './epoch-order.js';
import { RuntimeError } from './errors.js';
import { MetricTotals } from './metric-totals.js';
import { float32Of } from './onnxruntime-session.js';
import type { ExampleSource, TrainOptions, TrainResult } from './runtime.js';
import { trainTensors } from './train-tensors.js';

/** The graphs that train: of any number of steps, and where the plan has it, of whole blocks of them. */
export interface TrainSessions {
  readonly steps: InferenceSession;
  readonly blocks: InferenceSession | undefined;
}

/** Steps that one run of a graph takes, the first of which is number `first` of all, counted from 0. */
export interface Run {
  readonly session: InferenceSession;
  readonly first: number;
  readonly steps: number;
}

/** Trains for some epochs, as {@link TrainOptions} say. */
export async function runTraining(
  manifest: PlanManifest,
  sessions: TrainSessions,
  buffers: ChunkBuffers,
  options: TrainOptions,
): Promise<TrainResult> {
  const { examples, epochs, learningRate, seed } = options;
  requireParameters(options.parameters, manifest, options.parametersChecked);
  if (options.anchor !== undefined) requireParameters(options.anchor, manifest);
  requireCorrection(options.correction, manifest);
  requireLocal(options.local, manifest);
  requireRoom(options.into, manifest);
  requireExamples(examples);
  if (!Number.isSafeInteger(epochs) || epochs < 1) {
    throw new RuntimeError('runtime/input', `epochs must be an integer of at least 1, found ${epochs}`);
  }
  if (!Number.isFinite(learningRate)) {
    throw new RuntimeError('runtime/input', `the learning rate must be finite, found ${learningRate}`);
  }
  const { batchSize } = manifest;
  const stepsPerEpoch = Math.ceil(examples.count / batchSize);
  const stepsTotal = epochs * stepsPerEpoch;
  const order = new EpochOrder(examples.count, seed);
  const { reader, chunkSteps } = openReader(manifest, examples, stepsTotal, buffers);
  const runs = [...runsOf(sessions, manifest, chunkSteps, stepsTotal)];
  const tensors = trainTensors(manifest, sessions.steps, reader, { runs, buffers, options });
  const totals = new MetricTotals(manifest);
  const unchecked = !buffers.checked.has(examples);

  for (const [number, { session, first, steps }] of runs.entries()) {
    throwIfAborted(options.signal, 'training');
    for (let at = 0; at < steps; ) {
      const epoch = Math.floor((first + at) / stepsPerEpoch);
      const begin = (first + at) % stepsPerEpoch;
      const count = Math.min(steps - at, stepsPerEpoch - begin);
      const indices = order.at(epoch).subarray(begin * batchSize, (begin + count) * batchSize);
      reader.read(at, indices, unchecked && epoch === 0);
      totals.addWeight(indices.length);
      at += count;
    }
    const fetches = tensors.fetches(number);
    const results = await session.run(tensors.feeds(number), fetches);
    discardCopies(results, fetches);
    for (const { name } of manifest.metrics) totals.add(name, float32Of(results, metricOutput(name)));
    options.onProgress?.({ stepsDone: first + steps, stepsTotal, loss: totals.meanLoss() });
  }
  buffers.checked.add(examples);
  requireFiniteDelta(tensors.delta, manifest);
  const { local } = tensors;
  if (local !== undefined && firstNonFinite(local) >= 0) {
    throw new RuntimeError(
      'runtime/diverged',
      'training diverged: what the device keeps to itself is not finite; lower the learning rate, or check the examples for extreme values',
    );
  }
  return {
    delta: tensors.delta,
    ...(local === undefined ? {} : { local }),
    metrics: totals.result(),
    steps: stepsTotal,
  };
}

/** Examples where they lie, where they fit all together, or else copied for each run; and the most steps of a run. */
function openReader(
  manifest: PlanManifest,
  examples: ExampleSource,
  stepsTotal: number,
  buffers: ChunkBuffers,
): { readonly reader: ChunkReader; readonly chunkSteps: number } {
  const { batchSize } = manifest;
  const copied = copiedSteps(manifest);
  const inPlace = examples.rows !== undefined || examples.count <= copied * batchSize;
  const chunkSteps = Math.min(inPlace ? manifest.chunkSteps : copied, stepsTotal);
  const rowsCopied = examples.rows !== undefined ? 0 : inPlace ? examples.count : chunkSteps * batchSize;
  const arrays = buffers.take(chunkSteps * batchSize, rowsCopied);
  const rows =
    examples.rows ??
    (inPlace ? copyRows(examples, arrays.features, elementCount(manifest.featureShape)) : undefined);
  return { reader: new ChunkReader(manifest, examples, { arrays, batchSize, rows }), chunkSteps };
}

/** Of what has been written into arrays of ours, the copies that were made beside. */
export function discardCopies(
  results: InferenceSession.ReturnType,
  fetches: Readonly<Record<string, Tensor | null>>,
): void {
  for (const [name, own] of Object.entries(fetches)) {
    const copy = results[name]?.data;
    if (own === null || !ArrayBuffer.isView(copy) || !ArrayBuffer.isView(own.data)) continue;
    if (copy.buffer !== own.data.buffer) discard(copy);
  }
}

/** Chunk by chunk; of each, whole blocks and then what is left over. */
function* runsOf(
  { steps: ofSteps, blocks: ofBlocks }: TrainSessions,
  { blockSteps = 1 }: PlanManifest,
  chunkSteps: number,
  stepsTotal: number,
): Generator<Run> {
  for (let chunk = 0; chunk < stepsTotal; chunk += chunkSteps) {
    const steps = Math.min(chunkSteps, stepsTotal - chunk);
    const inBlocks = ofBlocks === undefined ? 0 : steps - (steps % blockSteps);
    if (ofBlocks !== undefined && inBlocks > 0) yield { session: ofBlocks, first: chunk, steps: inBlocks };
    if (inBlocks < steps) yield { session: ofSteps, first: chunk + inBlocks, steps: steps - inBlocks };
  }
}
