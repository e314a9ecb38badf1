import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Attribute, float, type GraphBuilder, string, tensorOf, type Value } from '../../onnx/index.js';
import { checkGradient } from '../../testing/gradient-check.js';
import {
  around0,
  broadcastable,
  positive,
  type SampleRange,
  sample,
  samplePair,
  seeds,
  shapes,
} from '../../testing/samples.js';

const runs = { numRuns: 8 };

/** Where functions with a pole or an edge at one are smooth. */
const withinOne: SampleRange = { low: -0.85, high: 0.85 };
const aboveOne: SampleRange = { low: 1.2, high: 3 };

interface UnaryCase {
  readonly opType: string;
  readonly range?: SampleRange;
  readonly attributes?: Record<string, Attribute>;
}

test.each<UnaryCase>([
  { opType: 'Relu' },
  { opType: 'LeakyRelu', attributes: { alpha: float(0.3) } },
  { opType: 'LeakyRelu', attributes: { alpha: float(-0.25) } },
  { opType: 'LeakyRelu' },
  { opType: 'Elu' },
  { opType: 'Elu', attributes: { alpha: float(1.75) } },
  { opType: 'Gelu' },
  { opType: 'Gelu', attributes: { approximate: string('tanh') } },
  { opType: 'Sigmoid' },
  { opType: 'Tanh' },
  { opType: 'Softplus' },
  { opType: 'Exp' },
  { opType: 'Log', range: positive },
  { opType: 'Sqrt', range: positive },
  { opType: 'Neg' },
  { opType: 'Abs' },
  { opType: 'Reciprocal', range: positive },
  { opType: 'Erf' },
  { opType: 'Sin' },
  { opType: 'Cos' },
  { opType: 'Tan', range: withinOne },
  { opType: 'Asin', range: withinOne },
  { opType: 'Acos', range: withinOne },
  { opType: 'Atan' },
  { opType: 'Sinh' },
  { opType: 'Cosh' },
  { opType: 'Asinh' },
  { opType: 'Acosh', range: aboveOne },
  { opType: 'Atanh', range: withinOne },
  { opType: 'Identity' },
  { opType: 'Dropout' },
])('$opType $attributes', async ({ opType, range, attributes }) => {
  await fc.assert(
    fc.asyncProperty(shapes(0, 3), seeds, async (shape, seed) => {
      await checkGradient({
        inputs: [sample(shape, seed, range)],
        build: (b, [x]) => b.op(opType, [x], attributes),
        seed,
      });
    }),
    runs,
  );
});

test.each([
  { opType: 'Add', range: around0 },
  { opType: 'Sub', range: around0 },
  { opType: 'Mul', range: around0 },
  { opType: 'Div', range: positive },
  { opType: 'Max', range: around0 },
  { opType: 'Min', range: around0 },
  { opType: 'Pow', range: positive },
])('$opType with broadcasting on either side', async ({ opType, range }) => {
  const cases = shapes(0, 4).chain((shape) => fc.tuple(fc.constant(shape), broadcastable(shape)));
  await fc.assert(
    fc.asyncProperty(cases, fc.boolean(), seeds, async ([large, small], swap, seed) => {
      const pair = samplePair(large, small, seed, range);
      await checkGradient({
        inputs: swap ? [pair[1], pair[0]] : pair,
        build: (b, [x, y]) => b.op(opType, [x, y]),
        seed,
      });
    }),
    { numRuns: 15 },
  );
});

test('both inputs broadcast at once', async () => {
  for (const opType of ['Add', 'Sub', 'Mul', 'Div']) {
    await checkGradient({
      inputs: [sample([3, 1], 1, positive), sample([2, 1, 4], 2, positive)],
      build: (b, [x, y]) => b.op(opType, [x, y]),
      seed: 3,
    });
  }
});

test.each([2, 3, -1, 0.5])('Pow with the constant exponent %f', async (exponent) => {
  await checkGradient({
    inputs: [sample([3, 2], 5, positive)],
    build: (b, [x]) => b.op('Pow', [x, b.scalar(exponent)]),
    seed: 6,
  });
});

test('Sum of three terms, one used twice', async () => {
  await checkGradient({
    inputs: [sample([2, 3], 1), sample([3], 2)],
    build: (b, [x, y]) => b.op('Sum', [x, y, x]),
    seed: 3,
  });
});

test.each([
  [-1, 1],
  [-1, undefined],
  [undefined, 0.55],
])('Clip between %s and %s', async (low, high) => {
  const bound = (b: GraphBuilder, at: number | undefined): Value | undefined =>
    at === undefined ? undefined : b.scalar(at);
  await checkGradient({
    inputs: [sample([4, 5], 11)],
    build: (b, [x]) => b.op('Clip', [x, bound(b, low), bound(b, high)]),
    seed: 12,
  });
});

test('Where sends the gradient to the branch that was taken', async () => {
  const cases = shapes(1, 3).chain((shape) =>
    fc.tuple(fc.constant(shape), broadcastable(shape), broadcastable(shape)),
  );
  await fc.assert(
    fc.asyncProperty(cases, seeds, async ([shape, second, third], seed) => {
      const flags = sample(shape, seed + 2).data.map((x) => (x > 0 ? 1 : 0));
      await checkGradient({
        inputs: [sample(second, seed), sample(third, seed + 1)],
        build: (b, [x, y]) => b.op('Where', [b.constant(tensorOf('bool', shape, flags)), x, y]),
        seed,
      });
    }),
    runs,
  );
});

test('ties of Max share the gradient', async () => {
  const { GraphBuilder } = await import('../../onnx/index.js');
  const { differentiate } = await import('../differentiate.js');
  const { evaluate } = await import('../../testing/reference-evaluator.js');
  const b = new GraphBuilder();
  const [x, y] = [b.input('x', 'float32', [1]), b.input('y', 'float32', [1])];
  const [dx, dy] = differentiate(b, { loss: b.op('Max', [x, y]), withRespectTo: [x, y] });
  const one = { dataType: 'float32', shape: [1], data: Float64Array.of(1) } as const;
  const values = evaluate(
    b.graph(),
    new Map([
      ['x', one],
      ['y', one],
    ]),
  );
  expect([...(values.get(dx.name)?.data ?? []), ...(values.get(dy.name)?.data ?? [])]).toEqual([0.5, 0.5]);
});
