/** Batch normalisation and dropout as a task may want them, against PyTorch in training mode. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readReference } from '../../gradient-check/reference.js';
import { GraphBuilder, int, tensorOf, type Value } from '../../onnx/index.js';
import { compilePlan, exportModel } from '../../plan/index.js';
import { onnxruntimeInference, onnxruntimeTraining } from '../../runtimes/index.js';
import { examplesOf } from '../../testing/examples.js';
import { initializeParameters, type TrainableModel } from '../trainable.js';
import { type ImportOptions, importModel, importModelFile } from './index.js';

const oracles = join(dirname(fileURLToPath(import.meta.url)), '../../../../test/oracles');
const residual = join(oracles, 'models/residual');
const expected: {
  readonly lossValue: number;
  readonly gradients: Readonly<Record<string, number[]>>;
  readonly statistics: Readonly<Record<string, number[]>>;
} = JSON.parse(readFileSync(join(oracles, 'batch-statistics.json'), 'utf8'));

async function step(options: ImportOptions, batchSize = 3, learningRate = 1) {
  const reference = readReference(residual);
  const model = importModelFile(join(residual, 'model.onnx'), options);
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize,
  });
  const rows = (flat: Float64Array) => {
    const size = flat.length / 3;
    return [0, 1, 2].map((row) => [...flat.subarray(row * size, (row + 1) * size)]);
  };
  const examples = examplesOf(rows(reference.input), rows(reference.target));
  const parameters = initializeParameters(model, 0);
  const session = await onnxruntimeTraining.load(plan);
  const result = await session.train({ parameters, examples, epochs: 1, learningRate, seed: 1 });
  await session.release();
  return { model, parameters, result, loss: result.metrics.sums.loss / result.metrics.weight };
}

function part(model: TrainableModel, flat: Float32Array, name: string): number[] {
  const entry = model.parameters.find((parameter) => parameter.name === name);
  if (entry === undefined) throw new Error(`no parameter ${name}`);
  return [...flat.subarray(entry.offset, entry.offset + entry.shape.reduce((n, size) => n * size, 1))];
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.hypot(...a.map((x, i) => x - b[i]));

test.each([
  ['a full batch', 3],
  // The rows that fill it up count in no mean.
  ['a batch that is not full', 8],
])(
  'statistics that are learned take the step that PyTorch takes in training mode, with %s',
  async (_, batchSize) => {
    const { model, parameters, result, loss } = await step({ batchNorm: 'averaged' }, batchSize);
    expect(loss).toBeCloseTo(expected.lossValue, 5);
    for (const [name, gradient] of Object.entries(expected.gradients)) {
      const delta = part(model, result.delta, name).map((x) => -x);
      expect(distance(delta, gradient), name).toBeLessThan(1e-4 * Math.hypot(...gradient) + 2e-6);
    }
    expect(Object.keys(expected.statistics)).toHaveLength(8);
    for (const [name, after] of Object.entries(expected.statistics)) {
      const delta = part(model, result.delta, name);
      const found = part(model, parameters, name).map((x, i) => x + delta[i]);
      expect(distance(found, after), name).toBeLessThan(1e-5 * Math.hypot(...after));
    }
  },
);

test('statistics that are frozen are no parameters', async () => {
  const { model } = await step({});
  expect(model.parameters.filter(({ name }) => name.includes('running'))).toEqual([]);
});

test('a model whose exporter folded its batch normalisation says how to export it', () => {
  expect(() => importModelFile(join(oracles, 'models/u-net/model.onnx'), { batchNorm: 'averaged' })).toThrow(
    expect.objectContaining({ message: expect.stringContaining('PRESERVE') }),
  );
});

test('dropout put before a layer changes what is learned, and the same seed drops the same', async () => {
  const dropout = { rate: 0.5, before: ['head.weight'] };
  const [plain, dropped, again] = [await step({}), await step({ dropout }), await step({ dropout })];
  expect(dropped.result.delta).toEqual(again.result.delta);
  expect(part(dropped.model, dropped.result.delta, 'head.weight')).not.toEqual(
    part(plain.model, plain.result.delta, 'head.weight'),
  );
});

test('dropout without a place, in a model that has none, is refused with the remedy', () => {
  expect(() => importModelFile(join(residual, 'model.onnx'), { dropout: { rate: 0.5 } })).toThrow(
    expect.objectContaining({ message: expect.stringContaining('"before"') }),
  );
});

test('a model that was exported in training mode is evaluated by the statistics it stores, twice alike', async () => {
  const channels = 3;
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', channels, 3]);
  // Two normalisations that start from the same numbers, which ONNX Runtime keeps once and writes over.
  const normalize = (value: Value, at: number): Value => {
    const stored = [1, 0, 0, 1].map((one, index) =>
      b.initializer(`norm${at}.${index}`, tensorOf('float32', [channels], [one, one, one])),
    );
    const [y, mean, variance] = b.ops('BatchNormalization', [value, ...stored], 3, { training_mode: int(1) });
    return b.op('Add', [y, b.op('Add', [mean, variance])]);
  };
  const features = normalize(b.op('Relu', [normalize(x, 0)]), 1);
  b.output(b.op('ReduceMean', [features, b.ints([2])], { keepdims: int(0) }));
  const model = importModel(b.build());
  const plan = compilePlan(model, {
    loss: { kind: 'mean-squared-error' },
    optimizer: { kind: 'sgd' },
    batchSize: 2,
  });
  const rows = [
    [1, -2, 3, 0.5, 4, -1, 2, 0, -3],
    [0, 2, -5, 1, 1, 7, -1, 5, 0.1],
  ];
  // y + mean + variance with the mean 0 and the variance 1 that are stored: x + 1, but for epsilon.
  const expected = rows.map((row) =>
    [row.slice(0, 3), row.slice(3, 6), row.slice(6)].map(
      (part) => part.reduce((sum, v) => sum + Math.max(v + 1, 0) + 1, 0) / 3,
    ),
  );
  const inference = await onnxruntimeInference.load(exportModel(plan, initializeParameters(model, 0)));
  for (let run = 0; run < 2; run++) {
    const predicted = await inference.predict(Float32Array.from(rows.flat()), 2);
    expected.flat().forEach((value, at) => {
      expect(predicted[at]).toBeCloseTo(value, 3);
    });
  }
  await inference.release();
});
