import { expect, test } from 'vitest';
import type { Dense } from '../onnx/evaluation/index.js';
import { GraphBuilder, type Value } from '../onnx/index.js';
import { evaluate } from '../testing/reference-evaluator.js';
import { runOnnxRuntime } from '../testing/run-onnxruntime.js';
import { differentiate, dropoutWithSeed } from './index.js';

const count = 20_000;
const ones: Dense = { dataType: 'float32', shape: [count], data: new Float64Array(count).fill(1) };
const seedOf = (seed: number): Dense => ({ dataType: 'int64', shape: [], data: Float64Array.of(seed) });

/** Two layers that share a seed, and the gradient of the first. */
function twoLayers(ratio: number, shape: readonly (number | string)[] = [count]) {
  const b = new GraphBuilder();
  const [x, seed] = [b.input('x', 'float32', shape), b.input('seed', 'int64', [])];
  const layers = [dropoutWithSeed(b, x, ratio, seed), dropoutWithSeed(b, x, ratio, seed)];
  const [gradient] = differentiate(b, { loss: layers[0], withRespectTo: [x], lossGradient: x });
  const outputs = [...layers, gradient].map((value: Value, i) => b.output(value, `out${i}`));
  return { builder: b, names: outputs.map(({ name }) => name) };
}

async function masks(ratio: number, seed: number, shape?: readonly (number | string)[]) {
  const { builder, names } = twoLayers(ratio, shape);
  const results = await runOnnxRuntime(
    builder.build(),
    new Map([
      ['x', ones],
      ['seed', seedOf(seed)],
    ]),
  );
  return names.map((name) => results.get(name)?.data ?? new Float64Array());
}

const share = (mask: Float64Array): number => mask.filter((x) => x !== 0).length / mask.length;

const agreement = (a: Float64Array, b: Float64Array): number =>
  a.reduce((same, x, i) => same + ((x === 0) === (b[i] === 0) ? 1 : 0), 0) / a.length;

test.each([0.1, 0.5, 0.8])(
  'at ratio %f as many are kept as said, and scaled to keep the mean',
  async (ratio) => {
    const [mask] = await masks(ratio, 7);
    // Five standard deviations of a binomial share.
    expect(Math.abs(share(mask) - (1 - ratio))).toBeLessThan(5 * Math.sqrt((ratio * (1 - ratio)) / count));
    expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / (1 - ratio))]));
  },
);

test('the same seed gives the same mask, also in the gradient, and exactly the one computed by hand-written arithmetic', async () => {
  const [first, , gradient] = await masks(0.5, 123);
  const [again] = await masks(0.5, 123);
  const [named] = await masks(0.5, 123, ['n']);
  expect(again).toEqual(first);
  expect(named.map(Math.sign)).toEqual(first.map(Math.sign));
  expect(gradient).toEqual(first);
  const { builder, names } = twoLayers(0.5);
  const reference = evaluate(
    builder.graph(),
    new Map([
      ['x', ones],
      ['seed', seedOf(123)],
    ]),
  );
  expect(reference.get(names[0])?.data).toEqual(first);
});

test('masks of other seeds, other layers and neighbouring elements are unrelated', async () => {
  const [first, second] = await masks(0.5, 1);
  const [next] = await masks(0.5, 2);
  const margin = 5 * Math.sqrt(0.25 / count);
  expect(Math.abs(agreement(first, second) - 0.5)).toBeLessThan(margin);
  expect(Math.abs(agreement(first, next) - 0.5)).toBeLessThan(margin);
  for (const shift of [1, 2, 28, 128]) {
    expect(Math.abs(agreement(first.subarray(shift), next.subarray(0, count - shift)) - 0.5)).toBeLessThan(
      margin,
    );
    expect(Math.abs(agreement(first.subarray(shift), first.subarray(0, count - shift)) - 0.5)).toBeLessThan(
      margin,
    );
  }
});

test.each([-0.1, 1, Number.NaN])('a ratio of %f is refused', (ratio) => {
  expect(() => twoLayers(ratio)).toThrow(expect.objectContaining({ code: 'autodiff/request' }));
});
