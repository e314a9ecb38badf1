/** Running `train.onnx` chunk by chunk. */
import type { InferenceSession } from 'onnxruntime-node';
import type { PlanManifest } from '../plan/index.js';
import { metricOutput } from '../plan/names.js';
import { type ChunkBuffers, ChunkReader, EpochOrder } from './batches.js';
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
import { RuntimeError } from './errors.js';
import { MetricTotals } from './metric-totals.js';
import { float32Of } from './onnxruntime-session.js';
import type { TrainOptions, TrainResult } from './runtime.js';
import { trainTensors } from './train-tensors.js';

/** Trains for some epochs, as {@link TrainOptions} say. */
export async function runTraining(
  manifest: PlanManifest,
  session: InferenceSession,
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
  const chunkSteps = Math.min(manifest.chunkSteps, stepsTotal);

  const order = new EpochOrder(examples.count, seed);
  const reader = new ChunkReader(manifest, examples, batchSize, buffers.take(chunkSteps * batchSize));
  const tensors = trainTensors(manifest, session, reader, { chunkSteps, stepsTotal, buffers, options });
  const totals = new MetricTotals(manifest);

  for (let first = 0; first < stepsTotal; first += chunkSteps) {
    throwIfAborted(options.signal, 'training');
    const steps = Math.min(chunkSteps, stepsTotal - first);
    for (let at = 0; at < steps; at++) {
      const epoch = Math.floor((first + at) / stepsPerEpoch);
      const begin = ((first + at) % stepsPerEpoch) * batchSize;
      const indices = order.at(epoch).subarray(begin, begin + batchSize);
      // Examples do not change, so that once is enough to know them good.
      reader.read(at, indices, epoch === 0);
      totals.addWeight(indices.length);
    }
    const results = await session.run(tensors.feeds(first, steps), tensors.fetches(first, steps));
    for (const { name } of manifest.metrics) totals.add(name, float32Of(results, metricOutput(name)));
    options.onProgress?.({ stepsDone: first + steps, stepsTotal, loss: totals.meanLoss() });
  }
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
