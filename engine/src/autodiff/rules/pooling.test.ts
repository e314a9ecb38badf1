import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Dense } from '../../onnx/evaluation/index.js';
import { type Attribute, GraphBuilder, int, ints, string } from '../../onnx/index.js';
import { checkGradient } from '../../testing/gradient-check.js';
import { evaluate } from '../../testing/reference-evaluator.js';
import { sample, seeds } from '../../testing/samples.js';
import { differentiate } from '../differentiate.js';

const small = fc.integer({ min: 1, max: 2 });

const axis = fc
  .record({
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: small,
    begin: fc.integer({ min: 0, max: 2 }),
    end: fc.integer({ min: 0, max: 2 }),
    extra: fc.integer({ min: 0, max: 5 }),
  })
  // A pool's padding must be smaller than its window.
  .map((a) => ({ ...a, begin: Math.min(a.begin, a.kernel - 1), end: Math.min(a.end, a.kernel - 1) }));

const cases = fc.record({
  axes: fc.array(axis, { minLength: 1, maxLength: 2 }),
  batch: small,
  channels: small,
  ceil: fc.boolean(),
  includePad: fc.boolean(),
  seed: seeds,
});

test.each(['MaxPool', 'AveragePool'])(
  '%s in 1-D and 2-D with stride, padding and dilation',
  async (opType) => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ axes, batch, channels, ceil, includePad, seed }) => {
        const spatial = axes.map(({ kernel, dilation, extra }) => (kernel - 1) * dilation + 1 + extra);
        const attributes: Record<string, Attribute> = {
          kernel_shape: ints(axes.map((a) => a.kernel)),
          strides: ints(axes.map((a) => a.stride)),
          dilations: ints(axes.map((a) => a.dilation)),
          pads: ints([...axes.map((a) => a.begin), ...axes.map((a) => a.end)]),
          ceil_mode: int(ceil ? 1 : 0),
          ...(opType === 'AveragePool' ? { count_include_pad: int(includePad ? 1 : 0) } : {}),
        };
        await checkGradient({
          inputs: [sample([batch, channels, ...spatial], seed)],
          build: (b, values) => b.op(opType, values, attributes),
          seed,
        });
      }),
      { numRuns: 50 },
    );
  },
);

test.each(['MaxPool', 'AveragePool'])('%s with auto_pad', async (opType) => {
  for (const autoPad of ['SAME_UPPER', 'SAME_LOWER', 'VALID']) {
    await checkGradient({
      inputs: [sample([2, 2, 7, 5], 1)],
      build: (b, values) =>
        b.op(opType, values, {
          kernel_shape: ints([3, 2]),
          strides: ints([2, 2]),
          auto_pad: string(autoPad),
        }),
      seed: 2,
    });
  }
});

test('a maximum that several windows share gets the sum of their gradients', async () => {
  const x = sample([1, 1, 5], 1);
  x.data.set([0, 1, 9, 2, 3]);
  await checkGradient({
    inputs: [x],
    build: (b, values) => b.op('MaxPool', values, { kernel_shape: ints([3]) }),
    seed: 2,
  });
});

test('windows side by side, of any size along each axis', async () => {
  const axis = fc.record({ kernel: fc.integer({ min: 1, max: 3 }), count: fc.integer({ min: 1, max: 3 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(axis, { minLength: 1, maxLength: 3 }), seeds, async (axes, seed) => {
      const kernel = ints(axes.map((one) => one.kernel));
      await checkGradient({
        inputs: [sample([2, 2, ...axes.map((one) => one.kernel * one.count)], seed)],
        build: (b, values) => b.op('MaxPool', values, { kernel_shape: kernel, strides: kernel }),
        seed,
      });
    }),
    { numRuns: 30 },
  );
});

test('of several maxima of a window the first gets the gradient, row by row, as in PyTorch', () => {
  const gradientAt = (values: readonly number[]): readonly number[] => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [1, 1, 2, 2]);
    const loss = b.op('MaxPool', [x], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
    const [gradient] = differentiate(b, { loss, withRespectTo: [x] });
    const given: Dense = { dataType: 'float32', shape: [1, 1, 2, 2], data: Float64Array.from(values) };
    return [...(evaluate(b.graph(), new Map([['x', given]])).get(gradient.name)?.data ?? [])];
  };
  const maxima = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(maxima, (values) => {
      const first = values.indexOf(Math.max(...values));
      expect(gradientAt(values)).toEqual([0, 1, 2, 3].map((at) => (at === first ? 1 : 0)));
    }),
  );
});

test('Relu before MaxPool: the mask is applied to the pooled tensor, and other uses of the Relu keep theirs', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, fc.boolean(), async (seed, usedTwice) => {
      await checkGradient({
        inputs: [sample([2, 2, 4, 6], seed)],
        build: (b, [x]) => {
          const relu = b.op('Relu', [x]);
          const pool = b.op('MaxPool', [relu], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
          expect(pool.shape).toEqual([2, 2, 2, 3]);
          return usedTwice ? b.op('Add', [pool, b.op('ReduceMean', [relu, b.ints([2, 3])])]) : pool;
        },
        seed,
      });
    }),
    { numRuns: 10 },
  );
});

test('the gradient of the Relu itself can be asked for', () => {
  const b = new GraphBuilder();
  const relu = b.op('Relu', [b.input('x', 'float32', [1, 1, 2])]);
  const loss = b.op('MaxPool', [relu], { kernel_shape: ints([2]) });
  const [gradient] = differentiate(b, { loss, withRespectTo: [relu] });
  const x: Dense = { dataType: 'float32', shape: [1, 1, 2], data: Float64Array.of(-1, 3) };
  expect(evaluate(b.graph(), new Map([['x', x]])).get(gradient.name)?.data).toEqual(Float64Array.of(0, 1));
});

test.each(['GlobalAveragePool', 'GlobalMaxPool'])('%s', async (opType) => {
  for (const spatial of [[5], [3, 4], [1, 1]]) {
    await checkGradient({
      inputs: [sample([2, 3, ...spatial], 1)],
      build: (b, values) => b.op(opType, values),
      seed: 2,
    });
  }
});
