import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  importModelFile,
  initializeParameters,
  namedModel,
  parseModel,
  type SequentialModel,
} from '../models/index.js';
import { buildModel, type TrainableModel } from '../models/trainable.js';
import { onnxruntimeTraining } from '../runtimes/index.js';
import { compilePlan } from './compile.js';
import { planFileNames } from './names.js';

const models = join(dirname(fileURLToPath(import.meta.url)), '../../../test/oracles/models');

/** Two steps with so much memory: what is learned, and what the plan says of itself. */
async function learned(definition: SequentialModel | TrainableModel, memoryBytesMax?: number) {
  const model = 'forward' in definition ? definition : buildModel(definition);
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'momentum', momentum: 0.9, nesterov: false },
    batchSize: 256,
    ...(memoryBytesMax === undefined ? {} : { memoryBytesMax }),
  });
  const session = await onnxruntimeTraining.load(plan);
  const { delta } = await session.train({
    parameters: initializeParameters(model, 1),
    examples: {
      count: 256,
      readFeatures: (_, out) => out.set(out.map((_value, at) => (at * 7) % 9)),
      readTargets: (_, out) => {
        for (let at = 0; at < out.length; at++) out[at] = at % 3;
      },
    },
    epochs: 1,
    learningRate: 0.001,
    seed: 1,
  });
  await session.release();
  return { delta, memoryBytes: plan.manifest.memoryBytes, train: plan.files.get(planFileNames.train) };
}

const withDropout = parseModel({
  kind: 'sequential',
  inputShape: [20],
  layers: [
    { kind: 'dense', units: 300 },
    { kind: 'relu' },
    { kind: 'dropout', rate: 0.3 },
    { kind: 'dense', units: 300 },
    { kind: 'tanh' },
    { kind: 'dropout', rate: 0.3 },
    { kind: 'dense', units: 3 },
  ],
});

const length = (vector: Float32Array): number => Math.hypot(...vector);

test.each([
  ['gpt-dynamo', () => importModelFile(join(models, 'gpt-dynamo', 'model.onnx'))],
  ['dropout', () => withDropout],
])('%s learns the same where parts of its forward pass are computed again', async (_, define) => {
  const plain = await learned(define());
  const again = await learned(define(), 1);
  expect(again.memoryBytes).toBeLessThan(plain.memoryBytes);
  expect(again.train).not.toEqual(plain.train);
  const distance = length(again.delta.map((value, at) => value - plain.delta[at]));
  expect(distance).toBeLessThan(1e-6 * length(plain.delta));
});

test('a plan that fits computes nothing twice', () => {
  const options = {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 5,
  } as const;
  const plain = compilePlan(namedModel('mlp'), options);
  const bounded = compilePlan(namedModel('mlp'), { ...options, memoryBytesMax: plain.manifest.memoryBytes });
  expect(bounded).toEqual(plain);
});
