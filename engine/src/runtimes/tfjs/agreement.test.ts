/** Both runtimes on layers models of TensorFlow.js: what they predict, their losses, gradients and trained parameters. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importModelFile } from '../../models/import/index.js';
import { parseModel } from '../../models/parse.js';
import { initializeParameters } from '../../models/trainable.js';
import type { OptimizerDefinition } from '../../optimizers/index.js';
import { compilePlan, exportModel } from '../../plan/index.js';
import { randomStream, standardNormal } from '../../random.js';
import { classExamples, examplesOf } from '../../testing/examples.js';
import { onnxruntimeInference } from '../onnxruntime-inference.js';
import { onnxruntimeTraining } from '../onnxruntime-training.js';
import { loadTfjs, type Tfjs } from './load-tfjs.js';
import { tfjsTraining } from './tfjs-training.js';

const folder = mkdtempSync(join(tmpdir(), 'starling-tfjs-'));
afterAll(() => rmSync(folder, { recursive: true }));
let tfjs: Tfjs;
beforeAll(async () => {
  tfjs = await loadTfjs();
});

const makers: Readonly<Record<string, (l: Tfjs['layers']) => LayersModel>> = {
  perceptron: ({ sequential, layers }) =>
    sequential({
      layers: [
        layers.dense({ inputShape: [5], units: 7, activation: 'tanh' }),
        layers.dropout({ rate: 0.3 }),
        layers.layerNormalization(),
        layers.dense({ units: 3 }),
      ],
    }),
  convolutional: ({ sequential, layers }) =>
    sequential({
      layers: [
        layers.conv2d({
          inputShape: [9, 9, 2],
          filters: 4,
          kernelSize: 3,
          strides: 2,
          padding: 'same',
          activation: 'elu',
        }),
        layers.batchNormalization(),
        layers.conv2d({ filters: 6, kernelSize: [2, 3], useBias: false }),
        layers.maxPooling2d({ poolSize: 2, strides: 1 }),
        layers.leakyReLU({ alpha: 0.1 }),
        layers.flatten(),
        layers.dense({ units: 3 }),
      ],
    }),
  functional: ({ input, model, layers }) => {
    const x = input({ shape: [12, 3] });
    const a = layers.conv1d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'elu' }).apply(x);
    const b = layers.conv1d({ filters: 4, kernelSize: 5, padding: 'same' }).apply(a);
    const sum = layers.add().apply([a, b] as Parameters<ReturnType<typeof layers.add>['apply']>[0]);
    const both = layers
      .concatenate()
      .apply([sum, b] as Parameters<ReturnType<typeof layers.add>['apply']>[0]);
    const pooled = layers.averagePooling1d({ poolSize: 2 }).apply(both);
    const y = layers.dense({ units: 3 }).apply(layers.globalAveragePooling1d().apply(pooled));
    return model({ inputs: x, outputs: y as typeof x });
  },
  recurrent: ({ sequential, layers }) => {
    const options = { recurrentInitializer: 'glorotNormal' } as const;
    return sequential({
      layers: [
        layers.lstm({ inputShape: [6, 3], units: 4, returnSequences: true, ...options }),
        layers.lstm({ units: 3, recurrentActivation: 'sigmoid', ...options }),
        layers.dense({ units: 3 }),
      ],
    });
  },
};

/** Saves a model with weights that are decided by a seed, and gives the path of its `model.json`. */
async function saved(name: string): Promise<string> {
  const model = makers[name](tfjs.layers);
  const normal = standardNormal(randomStream(7, 0));
  const drawn = model.weights.map(({ originalName, shape }) => {
    const sizes = shape.map(Number);
    // Variances are positive, and not so small that normalising by them makes rounding large.
    const [base, spread] = originalName.endsWith('moving_variance') ? [1, 0.2] : [0, 0.3];
    const count = sizes.reduce((n, size) => n * size, 1);
    const values = Float32Array.from({ length: count }, () => base + spread * Math.max(-2, normal()));
    return tfjs.tf.tensor(values, sizes);
  });
  model.setWeights(drawn);
  await model.save({
    save: async ({ modelTopology, weightSpecs, weightData }) => {
      writeFileSync(join(folder, `${name}.bin`), new Uint8Array(weightData as ArrayBuffer));
      const weightsManifest = [{ paths: [`${name}.bin`], weights: weightSpecs }];
      writeFileSync(
        join(folder, `${name}.json`),
        JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }),
      );
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
  return join(folder, `${name}.json`);
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...Array.from(a, (value, i) => value - b[i]));

const optimizers: readonly OptimizerDefinition[] = [
  { kind: 'sgd' },
  { kind: 'momentum', momentum: 0.9, nesterov: true },
  { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
];

test.each(Object.keys(makers))('%s: both runtimes predict, lose and learn the same', async (name) => {
  const path = await saved(name);
  const model = importModelFile(path);
  const size = model.inputShape.reduce((product, one) => product * one, 1);
  const { features, source } = classExamples(7, size, 3, 3);
  const parameters = initializeParameters(model, 0);
  for (const [index, optimizer] of optimizers.entries()) {
    const plan = compilePlan(model, { loss: { kind: 'softmax-cross-entropy' }, optimizer, batchSize: 4 });
    const options = { parameters, examples: source, seed: 5, learningRate: 0.003 };
    // One epoch of two steps, the second half full; then some more for the parameters.
    const epochs = index === 0 ? 1 : 3;
    const results = [];
    for (const runtime of [onnxruntimeTraining, tfjsTraining]) {
      const session = await runtime.load(plan);
      results.push({
        trained: await session.train({ ...options, epochs }),
        evaluated: await session.evaluate(options),
      });
      await session.release();
    }
    const [ours, theirs] = results;
    expect(theirs.evaluated.sums.loss / ours.evaluated.sums.loss).toBeCloseTo(1, 5);
    expect(theirs.evaluated.sums.accuracy).toBe(ours.evaluated.sums.accuracy);
    expect(theirs.trained.metrics.sums.loss / ours.trained.metrics.sums.loss).toBeCloseTo(1, 5);
    expect(theirs.trained.steps).toBe(ours.trained.steps);
    expect(Math.hypot(...ours.trained.delta)).toBeGreaterThan(1e-4);
    const relative = distance(theirs.trained.delta, ours.trained.delta) / Math.hypot(...ours.trained.delta);
    expect(relative, optimizer.kind).toBeLessThan(optimizer.kind === 'adamw' ? 1e-2 : 1e-4);
  }
  const plan = compilePlan(model, {
    loss: { kind: 'mean-squared-error' },
    optimizer: { kind: 'sgd' },
    batchSize: 4,
  });
  const inference = await onnxruntimeInference.load(exportModel(plan, parameters));
  const predicted = await inference.predict(Float32Array.from(features.flat()), 7);
  await inference.release();
  const { layers, tf } = tfjs;
  const original = await layers.loadLayersModel({
    load: async () => {
      const { modelTopology, weightsManifest } = JSON.parse(await readFile(path, 'utf8'));
      const bytes = await readFile(path.replace(/json$/, 'bin'));
      return {
        modelTopology,
        weightSpecs: weightsManifest[0].weights,
        weightData: Uint8Array.from(bytes).buffer,
      };
    },
  });
  const expected = original.predict(tf.tensor(features.flat(), [7, ...model.inputShape]));
  const values = await (Array.isArray(expected) ? expected[0] : expected).data();
  expect(distance(predicted, values)).toBeLessThan(1e-4 * Math.hypot(...values));
});

test('one step of each runtime is its gradient, and both are the same', async () => {
  const model = importModelFile(await saved('convolutional'));
  const { features, targets } = classExamples(4, 162, 3, 9);
  const options = {
    examples: examplesOf(features, targets),
    parameters: initializeParameters(model, 0),
    seed: 1,
  };
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 4,
  });
  const gradients = [];
  for (const runtime of [onnxruntimeTraining, tfjsTraining]) {
    const session = await runtime.load(plan);
    gradients.push((await session.train({ ...options, epochs: 1, learningRate: 1 })).delta);
    await session.release();
  }
  for (const { name, shape, offset } of model.parameters) {
    const end = offset + shape.reduce((product, size) => product * size, 1);
    const [a, b] = gradients.map((flat) => flat.subarray(offset, end));
    expect(distance(a, b), name).toBeLessThan(1e-4 * Math.hypot(...a) + 2e-6);
  }
});

test('a plan of another model is refused with what to do', async () => {
  const definition = parseModel({
    kind: 'sequential',
    inputShape: [4],
    layers: [{ kind: 'dense', units: 2 }],
  });
  const plan = compilePlan(definition, {
    loss: { kind: 'mean-squared-error' },
    optimizer: { kind: 'sgd' },
    batchSize: 2,
  });
  await expect(tfjsTraining.load(plan)).rejects.toMatchObject({
    code: 'runtime/load',
    message: expect.stringContaining('onnxruntime'),
  });
});
