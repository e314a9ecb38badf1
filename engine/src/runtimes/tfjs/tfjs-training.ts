import type * as Core from '@tensorflow/tfjs-core';
import type { PlanManifest } from '../../plan/index.js';
import { verifyPlan } from '../../plan/verify.js';
import { requireExamples, requireFiniteDelta, requireParameters, throwIfAborted } from '../checks.js';
import { ChunkBuffers } from '../chunk-buffers.js';
import { ChunkReader } from '../chunk-reader.js';
import { EpochOrder } from '../epoch-order.js';
import { RuntimeError } from '../errors.js';
import { MetricTotals } from '../metric-totals.js';
import { TaskQueue } from '../onnxruntime-session.js';
import type { EvaluateOptions, MetricSums, TrainingRuntime, TrainOptions, TrainResult } from '../runtime.js';
import { loadTfjs, type Tfjs } from './load-tfjs.js';
import { metricsOf } from './losses.js';
import { gradientStep } from './optimizers.js';
import { type PlanModel, planModel } from './plan-model.js';

/**
 * Training of layers models by TensorFlow.js itself: its operators, its gradients. Order of examples, batches, losses and
 * optimizers are the plan's, so that both runtimes learn the same.
 */
export const tfjsTraining: TrainingRuntime = {
  name: 'tfjs',
  async load(plan) {
    verifyPlan(plan);
    const { manifest } = plan;
    if (manifest.proximalMu > 0 || manifest.correction === true) {
      throw new RuntimeError(
        'runtime/load',
        'TensorFlow.js trains without proximal terms and corrections; use the runtime onnxruntime',
      );
    }
    const tfjs = await loadTfjs();
    const parts: Parts = {
      tfjs,
      model: await planModel(tfjs, plan),
      manifest,
      buffers: new ChunkBuffers(manifest),
    };
    const queue = new TaskQueue();
    let released = false;
    const enqueue = <T>(task: () => Promise<T>): Promise<T> =>
      queue.run(async () => {
        if (released)
          throw new RuntimeError('runtime/released', 'the session has been released; load the plan again');
        return task();
      });
    return {
      train: (options) => enqueue(() => train(parts, options)),
      evaluate: (options) => enqueue(() => evaluate(parts, options)),
      release: () =>
        queue.run(async () => {
          if (!released) parts.model.model.dispose();
          released = true;
        }),
    };
  },
};

interface Parts {
  readonly tfjs: Tfjs;
  readonly model: PlanModel;
  readonly manifest: PlanManifest;
  readonly buffers: ChunkBuffers;
}

async function train(parts: Parts, options: TrainOptions): Promise<TrainResult> {
  const { manifest, model } = parts;
  const { examples, epochs, learningRate, seed } = options;
  requireParameters(options.parameters, manifest, options.parametersChecked);
  requireExamples(examples);
  if (!Number.isSafeInteger(epochs) || epochs < 1 || !Number.isFinite(learningRate)) {
    throw new RuntimeError(
      'runtime/input',
      `epochs must be at least 1 and the learning rate finite, found ${epochs} and ${learningRate}`,
    );
  }
  const { batchSize, parameterCount } = manifest;
  const order = new EpochOrder(examples.count, seed);
  const reader = new ChunkReader(manifest, examples, {
    batchSize,
    arrays: parts.buffers.take(batchSize, batchSize),
  });
  const parameters = Float32Array.from(options.parameters);
  const apply = gradientStep(manifest.optimizer, parameterCount);
  const totals = new MetricTotals(manifest);
  const stepsPerEpoch = Math.ceil(examples.count / batchSize);
  const stepsTotal = epochs * stepsPerEpoch;
  for (let step = 0; step < stepsTotal; step++) {
    throwIfAborted(options.signal, 'training');
    const epoch = Math.floor(step / stepsPerEpoch);
    const begin = (step % stepsPerEpoch) * batchSize;
    const indices = order.at(epoch).subarray(begin, begin + batchSize);
    reader.read(0, indices, epoch === 0);
    model.assign(parameters);
    const gradient = knownGradient(() => stepGradient(parts, reader, indices.length, totals));
    apply(parameters, gradient, learningRate, step + 1);
    totals.addWeight(indices.length);
    options.onProgress?.({ stepsDone: step + 1, stepsTotal, loss: totals.meanLoss() });
  }
  const delta = parameters.map((value, i) => value - options.parameters[i]);
  requireFiniteDelta(delta, manifest);
  return { delta, metrics: totals.result(), steps: stepsTotal };
}

/** TensorFlow.js has no gradient for some of what it computes: dilated convolutions, and depthwise ones on WebAssembly. */
function knownGradient(compute: () => Float32Array): Float32Array {
  try {
    return compute();
  } catch (cause) {
    if (cause instanceof RuntimeError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RuntimeError(
      'runtime/load',
      `TensorFlow.js cannot train this model: ${reason}; use the runtime onnxruntime`,
      { cause },
    );
  }
}

/** The gradient of the mean loss of the batch's first `count` examples, flat. */
function stepGradient(parts: Parts, reader: ChunkReader, count: number, totals: MetricTotals): Float32Array {
  const { tfjs, model, manifest } = parts;
  const { tf } = tfjs;
  const flat = new Float32Array(manifest.parameterCount);
  tf.tidy(() => {
    const { grads } = tf.variableGrads(() => {
      const metrics = forward(parts, reader, count);
      addTotals(metrics, manifest, totals);
      return tf.mean(metrics.loss) as Core.Scalar;
    }, [...model.variables]);
    manifest.parameters.forEach(({ offset }, index) => {
      flat.set(grads[model.variables[index].name].dataSync<'float32'>(), offset);
    });
  });
  return flat;
}

function forward({ tfjs: { tf }, model, manifest }: Parts, reader: ChunkReader, count: number) {
  const { features, targets } = reader.arrays;
  const rows = (data: Float32Array | Int32Array, shape: readonly number[]): Core.Tensor => {
    const size = shape.reduce((product, one) => product * one, 1);
    return tf.tensor(data.slice(0, count * size), [count, ...shape]);
  };
  const input = rows(features, manifest.featureShape);
  const output = model.model.apply(input, { training: false }) as Core.Tensor;
  return metricsOf(tf, manifest.loss, output, rows(targets, manifest.targetShape));
}

function addTotals(
  metrics: ReturnType<typeof metricsOf>,
  manifest: PlanManifest,
  totals: MetricTotals,
): void {
  for (const { name } of manifest.metrics) {
    const values = metrics[name];
    if (values === undefined)
      throw new RuntimeError(
        'runtime/load',
        `TensorFlow.js does not measure ${name}; use the runtime onnxruntime`,
      );
    totals.add(name, values.dataSync<'float32'>());
  }
}

async function evaluate(
  parts: Parts,
  { parameters, examples, signal }: EvaluateOptions,
): Promise<MetricSums> {
  const { manifest, model, tfjs } = parts;
  requireParameters(parameters, manifest);
  requireExamples(examples);
  const rows = Math.min(128, examples.count);
  const reader = new ChunkReader(manifest, examples, {
    batchSize: rows,
    arrays: parts.buffers.take(rows, rows),
  });
  const totals = new MetricTotals(manifest);
  model.assign(parameters);
  for (let first = 0; first < examples.count; first += rows) {
    throwIfAborted(signal, 'evaluation');
    const count = Math.min(rows, examples.count - first);
    reader.read(
      0,
      Uint32Array.from({ length: count }, (_, at) => first + at),
      true,
    );
    tfjs.tf.tidy(() => addTotals(forward(parts, reader, count), manifest, totals));
    totals.addWeight(count);
  }
  return totals.result();
}
