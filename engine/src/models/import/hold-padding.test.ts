/** Against PyTorch's `padding_idx`: the generator of `padded` is in test/oracles. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkGradients, relativeErrorMax } from '../../gradient-check/index.js';
import { readReference } from '../../gradient-check/reference.js';
import { compilePlan } from '../../plan/index.js';
import { onnxruntimeTraining } from '../../runtimes/index.js';
import { examplesOf } from '../../testing/examples.js';
import { initializeParameters } from '../trainable.js';
import { importModelFile, parseImport } from './index.js';

const oracles = join(dirname(fileURLToPath(import.meta.url)), '../../../../test/oracles');
const folder = join(oracles, 'padded');
const file = join(folder, 'model.onnx');
const paddingRows = { 'embedding.weight': 0 };

test('the gradient is that of PyTorch with the row held, and another without', async () => {
  const checked = await checkGradients(folder, { paddingRows });
  expect(checked.maxRelativeError).toBeLessThan(relativeErrorMax);
  const { maxRelativeError, worst } = await checkGradients(folder);
  expect(maxRelativeError).toBeGreaterThan(0.1);
  expect(worst).toBe('embedding.weight');
});

test('training leaves the row as it was, and changes the others that occur', async () => {
  const reference = readReference(folder);
  const [batchSize, length] = reference.inputShape;
  const model = importModelFile(file, { paddingRows });
  const plan = compilePlan(model, { loss: { kind: reference.loss }, optimizer: { kind: 'sgd' }, batchSize });
  const rows = Array.from({ length: batchSize }, (_, i) => [
    ...reference.input.subarray(i * length, (i + 1) * length),
  ]);
  const session = await onnxruntimeTraining.load(plan);
  const result = await session.train({
    parameters: initializeParameters(model, 1),
    examples: examplesOf(
      rows,
      [...reference.target].map((label) => [label]),
    ),
    epochs: 2,
    learningRate: 0.5,
    seed: 1,
  });
  await session.release();
  const entry = model.parameters.find(({ name }) => name === 'embedding.weight');
  const change = result.delta.subarray(entry?.offset, (entry?.offset ?? 0) + 24);
  expect(rows.flat()).toContain(0);
  expect([...change.subarray(0, 4)]).toEqual([0, 0, 0, 0]);
  expect(change.subarray(4).some((x) => x !== 0)).toBe(true);
});

test.each([
  [{ 'embeding.weight': 0 }, /no lookup reads "embeding.weight"; embeddings are: embedding.weight/],
  [{ 'head.weight': 0 }, /no lookup reads/],
  [{ 'embedding.weight': 6 }, /rows 0 to 5, but 6/],
])('%o is refused with what there is', (rows, problem) => {
  expect(() => importModelFile(file, { paddingRows: rows })).toThrow(problem);
});

test.each([{}, [], 0, { a: -1 }, { a: '0' }, { a: 1.5 }])('%o names no rows', (rows) => {
  expect(() => parseImport({ onnx: 'a.onnx', paddingRows: rows })).toThrow(/"paddingRows" must name a row/);
});
