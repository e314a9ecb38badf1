import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readReference } from '../../gradient-check/reference.js';
import { GraphBuilder, readModel, tensorOf } from '../../onnx/index.js';
import { compilePlan, exportModel } from '../../plan/index.js';
import { onnxruntimeTraining } from '../../runtimes/index.js';
import { examplesOf } from '../../testing/examples.js';
import { initializeParameters, type TrainableModel } from '../trainable.js';
import { type ImportOptions, importModel, importModelFile, prepareImport } from './index.js';

const models = join(dirname(fileURLToPath(import.meta.url)), '../../../../test/oracles/models');
const fileOf = (name: string) => join(models, name, 'model.onnx');

const rowsOf = (flat: Float64Array, count: number): number[][] => {
  const size = flat.length / count;
  return Array.from({ length: count }, (_, i) => [...flat.subarray(i * size, (i + 1) * size)]);
};

/** What a step of SGD with learning rate 1 over the reference's batch does: minus the gradient, by parameter. */
async function stepOf(name: string, options: ImportOptions = {}, epochs = 1, learningRate = 1) {
  const reference = readReference(join(models, name));
  const model = importModelFile(fileOf(name), options);
  const [batchSize] = reference.inputShape;
  const plan = compilePlan(model, {
    loss: { kind: reference.loss },
    optimizer: { kind: 'sgd' },
    batchSize,
  });
  const session = await onnxruntimeTraining.load(plan);
  const examples = examplesOf(rowsOf(reference.input, batchSize), rowsOf(reference.target, batchSize));
  const parameters = initializeParameters(model, 1);
  const result = await session.train({ parameters, examples, epochs, learningRate, seed: 1 });
  await session.release();
  return { reference, model, plan, parameters, result };
}

function deltaOf(model: TrainableModel, delta: Float32Array, name: string): Float32Array {
  const entry = model.parameters.find((parameter) => parameter.name === name);
  if (entry === undefined) throw new Error(`no parameter ${name}`);
  return delta.subarray(entry.offset, entry.offset + entry.shape.reduce((n, size) => n * size, 1));
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.sqrt(Array.from(a).reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0));

test.each([
  'residual',
  'inverted-residual-dynamo',
  'squeeze-excite',
  'shuffle',
  'lstm-dynamo',
  'gru',
  'encoder',
  'rms-attention',
])('a plan of %s takes the step that PyTorch takes', async (name) => {
  const { reference, model, result } = await stepOf(name);
  expect(result.metrics.sums.loss / result.metrics.weight).toBeCloseTo(reference.lossValue, 4);
  const known = model.parameters.filter((entry) => reference.parameters.has(entry.name));
  expect(known.length).toBeGreaterThan(1);
  for (const { name: parameter } of known) {
    const delta = deltaOf(model, result.delta, parameter);
    const offset = reference.parameters.get(parameter)?.offset ?? 0;
    const gradient = reference.gradients.subarray(offset, offset + delta.length);
    const norm = Math.hypot(...gradient);
    // Parameters near 1 are stored in steps of 1e-7, which the difference of two shows.
    expect(
      distance(
        delta.map((x) => -x),
        gradient,
      ),
      parameter,
    ).toBeLessThan(1e-4 * norm + 2e-6);
  }
});

test.each(readdirSync(models))(
  '%s trains every parameter of PyTorch that its file still has, by its gradient',
  async (name) => {
    // So great a step that what is added to the parameters does not round it away.
    const learningRate = 1000;
    const { reference, model, result } = await stepOf(name, {}, 1, learningRate);
    const whole = Math.hypot(...reference.gradients);
    for (const [parameter, { offset, shape, initializer }] of reference.parameters) {
      if (!initializer) continue;
      const delta = deltaOf(model, result.delta, parameter);
      expect(delta.length, parameter).toBe(shape.reduce((n, size) => n * size, 1));
      const gradient = reference.gradients.subarray(offset, offset + delta.length);
      const error = distance(
        delta.map((x) => -x / learningRate),
        gradient,
      );
      // What is shorter than a millionth of all together is rounding.
      expect(error, parameter).toBeLessThan(1e-4 * Math.hypot(...gradient) + 1e-6 * whole);
    }
  },
);

test("an LSTM's packed weights take PyTorch's gradient, gates in ONNX's order", async () => {
  const { reference, model, result } = await stepOf('lstm');
  const packed = model.parameters.filter(({ shape }) => `${shape}` === '1,20,3');
  expect(packed).toHaveLength(1);
  const delta = deltaOf(model, result.delta, packed[0].name);
  const offset = reference.parameters.get('rnn.weight_ih_l0')?.offset ?? 0;
  // PyTorch: input, forget, cell, output; ONNX: input, output, forget, cell. Five rows of three each.
  const gates = [0, 3, 1, 2].flatMap((gate) => [
    ...reference.gradients.subarray(offset + gate * 15, offset + (gate + 1) * 15),
  ]);
  expect(
    distance(
      delta.map((x) => -x),
      gates,
    ),
  ).toBeLessThan(1e-4 * Math.hypot(...gates) + 2e-6);
});

test('a weight that the source shared stays one parameter', () => {
  const { parameters } = importModelFile(fileOf('rms-attention'));
  expect(parameters.filter(({ shape }) => `${shape}` === '10,8' || `${shape}` === '8,10')).toHaveLength(1);
});

test('only what the patterns name is trained; the rest is in the plan', async () => {
  const { model, result } = await stepOf('residual', { trainable: ['head.*', 'bn.bias'] });
  expect(model.parameters.map(({ name }) => name).sort()).toEqual(['bn.bias', 'head.bias', 'head.weight']);
  expect(result.delta.some((x) => x !== 0)).toBe(true);
});

test.each(['float16', 'float64'] as const)('a model of %s is refused, and told what to do', (dataType) => {
  const b = new GraphBuilder();
  const x = b.input('x', dataType, ['batch', 2]);
  b.output(b.op('MatMul', [x, b.initializer('head.weight', tensorOf(dataType, [2, 2], [1, 2, 3, 4]))]), 'y');
  expect(() => importModel(b.build())).toThrow(
    `head.weight is of ${dataType}, and float32 is trained; export model.float()`,
  );
});

test('a pattern that fits nothing is refused with the names there are', () => {
  const request = () => importModelFile(fileOf('residual'), { trainable: ['haed.*'] });
  expect(request).toThrow(expect.objectContaining({ message: expect.stringContaining('head.weight') }));
});

test.each([
  ['encoder', ['*linear*.weight', '*in_proj_weight']],
  ['residual', ['a.*']],
])('adapters of %s start as nothing, and learn', async (name, targets) => {
  const options = { lora: { targets, rank: 2, alpha: 4 } };
  const first = await stepOf(name, options);
  const start = first.result.metrics.sums.loss / first.result.metrics.weight;
  expect(start).toBeCloseTo(first.reference.lossValue, 4);
  expect(first.model.parameters.every((entry) => /lora_[ab]$/.test(entry.name))).toBe(true);
  const trained = await stepOf(name, options, 40, 0.05);
  const mean = trained.result.metrics.sums.loss / trained.result.metrics.weight;
  expect(mean).toBeLessThan(start);
});

test('a new head has as many outputs as asked for, and the rest stays', () => {
  const before = importModelFile(fileOf('residual'));
  const after = importModelFile(fileOf('residual'), { head: { outputs: 7, seed: 3 } });
  expect(after.outputShape).toEqual([7]);
  const stem = (model: TrainableModel) => deltaOf(model, initializeParameters(model, 0), 'stem.weight');
  expect(stem(after)).toEqual(stem(before));
  expect(after.parameters.find(({ name }) => name === 'head.weight')?.shape).toEqual([7, 8]);
});

test.each([
  [{ lora: { targets: ['stem.weight'], rank: 1, alpha: 1 } }, ['stem.weight.lora_a', 'stem.weight.lora_b']],
  [{ trainable: ['stem.weight'] }, ['stem.weight']],
])('a new head is trained whatever else is, for it knows nothing yet', (options, others) => {
  const head = { outputs: 7, seed: 3 };
  const { parameters } = importModelFile(fileOf('residual'), { ...options, head });
  expect(new Set(parameters.map(({ name }) => name))).toEqual(
    new Set(['head.weight', 'head.bias', ...others]),
  );
});

test('what was trained is exported as a model of its own', async () => {
  const { plan, parameters, result } = await stepOf('inverted-residual');
  const exported = readModel(
    exportModel(
      plan,
      parameters.map((x, i) => x + result.delta[i]),
    ),
  );
  expect(exported.graph.inputs.map(({ name }) => name)).toEqual(['features']);
  expect(exported.graph.initializers.get('head.weight')?.shape).toEqual([4, 6]);
});

test.each([
  ['encoder', 'embedding.weight'],
  ['gpt-dynamo', undefined],
])('%s takes the tokens that its embedding has rows for', (name, table) => {
  const { tokens, vocabulary, inspected } = prepareImport(fileOf(name));
  expect(tokens).toBe(true);
  const rows = inspected.parameters.flatMap(({ usedBy, shape, name: own }) =>
    usedBy === 'Gather' && (table === undefined || own === table) ? [shape[0]] : [],
  );
  expect(rows).toContain(vocabulary);
});
