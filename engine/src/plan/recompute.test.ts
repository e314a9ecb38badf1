import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { lossGraph } from '../losses/index.js';
import {
  importModel,
  importModelFile,
  initializeParameters,
  namedModel,
  parseModel,
  type SequentialModel,
} from '../models/index.js';
import { buildModel, type TrainableModel } from '../models/trainable.js';
import { GraphBuilder, int, tensorOf, type Value, writeModel } from '../onnx/index.js';
import { optimizerGraph } from '../optimizers/index.js';
import { onnxruntimeTraining } from '../runtimes/index.js';
import { createSession } from '../runtimes/onnxruntime-session.js';
import { compilePlan } from './compile.js';
import { planFileNames } from './names.js';
import { trainGraph } from './train-graph.js';

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

/** What a normalisation gives goes on beside it, as another shape, and far behind it, and its statistics to its gradient alone. */
function afterNormalization(): TrainableModel {
  const b = new GraphBuilder();
  const stored = (name: string, shape: readonly number[]): Value => {
    const count = shape.reduce((product, size) => product * size, 1);
    return b.initializer(
      name,
      tensorOf(
        'float32',
        shape,
        Array.from({ length: count }, (_, i) => Math.sin(i) / 8),
      ),
    );
  };
  const dense = (x: Value, name: string, columns: number): Value =>
    b.op('MatMul', [x, stored(name, [Number(x.shape.at(-1)), columns])]);
  const first = dense(b.input('x', 'float32', ['batch', 30, 8]), 'first', 24);
  const [normalized] = b.ops('LayerNormalization', [first, stored('scale', [24])], 1);
  let y = b.op('Reshape', [normalized, b.ints([0, 24, 30])]);
  for (let layer = 0; layer < 10; layer++) y = b.op('Gelu', [dense(y, `layer${layer}`, 30)]);
  const back = b.op('Reshape', [y, b.ints([0, 30, 24])]);
  const mean = b.op('ReduceMean', [b.op('Add', [normalized, back]), b.ints([1])], { keepdims: int(0) });
  b.output(dense(mean, 'last', 3), 'y');
  return importModel(b.build());
}

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

test.each([2, 3, 4, 6, 8])(
  'in %d segments, every value of the loop has a name of its own, and the loop is loaded',
  async (segments) => {
    const parts = {
      model: afterNormalization(),
      loss: lossGraph({ kind: 'softmax-cross-entropy' }),
      optimizer: optimizerGraph({ kind: 'sgd' }),
      ...{ batchSize: 64, proximalMu: 0, correction: false, segments },
    };
    const { graph: model } = trainGraph(parts);
    const loop = model.graph.nodes.find(({ opType }) => opType === 'Scan');
    const body = loop?.attributes.body;
    const names = body?.kind === 'graph' ? body.value.nodes.flatMap(({ outputs }) => outputs) : [];
    const given = names.filter((name) => name !== '');
    expect(given.filter((name) => name.startsWith('again/')).length).toBeGreaterThan(10);
    expect(new Set(given).size).toBe(given.length);
    const session = await createSession('the loop', writeModel(model), { training: true });
    await session.release();
  },
);

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
