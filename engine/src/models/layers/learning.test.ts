import { expect, test } from 'vitest';
import { compilePlan } from '../../plan/index.js';
import { onnxruntimeTraining } from '../../runtimes/index.js';
import { classExamples } from '../../testing/examples.js';
import { buildModel, initializeParameters, parseModel } from '../index.js';
import { layerKinds } from './index.js';

const trainable: Readonly<Record<string, readonly object[]>> = {
  dense: [{ kind: 'dense', units: 6, useBias: false }],
  conv1d: [
    { kind: 'reshape', shape: [2, 16] },
    { kind: 'conv1d', filters: 4, kernelSize: 3, padding: 'same' },
  ],
  conv2d: [{ kind: 'conv2d', filters: 4, kernelSize: 3, groups: 2, strides: 2, padding: 'same' }],
  maxPool1d: [
    { kind: 'reshape', shape: [2, 16] },
    { kind: 'maxPool1d', poolSize: 3, strides: 2 },
  ],
  maxPool2d: [{ kind: 'maxPool2d', padding: 'same', strides: 1 }],
  averagePool1d: [{ kind: 'reshape', shape: [2, 16] }, { kind: 'averagePool1d' }],
  averagePool2d: [{ kind: 'averagePool2d', padding: 'same', poolSize: 3 }],
  globalAveragePool: [{ kind: 'conv2d', filters: 9, kernelSize: 2 }, { kind: 'globalAveragePool' }],
  flatten: [{ kind: 'flatten' }],
  reshape: [{ kind: 'reshape', shape: [4, 8] }],
  dropout: [{ kind: 'dropout', rate: 0.1 }],
  layerNorm: [{ kind: 'layerNorm' }],
  groupNorm: [{ kind: 'groupNorm', groups: 2 }],
  relu: [{ kind: 'relu' }],
  sigmoid: [{ kind: 'sigmoid' }],
  tanh: [{ kind: 'tanh' }],
  gelu: [{ kind: 'gelu' }],
  softmax: [{ kind: 'softmax' }],
  leakyRelu: [{ kind: 'leakyRelu' }],
  elu: [{ kind: 'elu' }],
};

test('every kind of layer is tried below', () => {
  expect(Object.keys(trainable).sort()).toEqual([...layerKinds].sort());
});

test.each(Object.entries(trainable))('a model with %s learns', async (kind, between) => {
  // A layer of weights on both sides, so that gradients flow through the one in question.
  const outer = { kind: 'reshape', shape: [2, 4, 4] };
  const before = kind === 'dense' ? [] : [{ kind: 'dense', units: 32 }, outer];
  const model = parseModel({
    kind: 'sequential',
    inputShape: [8],
    layers: [...before, ...between, { kind: 'flatten' }, { kind: 'dense', units: 3 }],
  });
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    batchSize: 16,
  });
  const parameters = initializeParameters(buildModel(model), 1);
  const examples = classExamples(96, 8, 3, 6).source;
  const session = await onnxruntimeTraining.load(plan);
  const untrained = await session.evaluate({ parameters, examples });
  const { delta } = await session.train({ parameters, examples, epochs: 30, learningRate: 0.01, seed: 1 });
  const learned = parameters.map((value, at) => value + delta[at]);
  const after = await session.evaluate({ parameters: learned, examples });
  await session.release();
  expect(after.sums.loss).toBeLessThan(untrained.sums.loss * 0.6);
});
