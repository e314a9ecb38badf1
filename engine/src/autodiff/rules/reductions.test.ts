import fc from 'fast-check';
import { test } from 'vitest';
import { int } from '../../onnx/index.js';
import { checkGradient } from '../../testing/gradient-check.js';
import { around0, positive, sample, seeds, shapes } from '../../testing/samples.js';

test.each([
  'ReduceSum',
  'ReduceMean',
  'ReduceMax',
  'ReduceMin',
  'ReduceL1',
  'ReduceL2',
  'ReduceSumSquare',
  'ReduceLogSumExp',
])('%s over any axes', async (opType) => {
  const cases = shapes(1, 4).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axes: fc.subarray(shape.map((_, axis) => axis)),
      negative: fc.boolean(),
      keep: fc.boolean(),
      noop: fc.boolean(),
      seed: seeds,
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ shape, axes, negative, keep, noop, seed }) => {
      const named = negative ? axes.map((axis) => axis - shape.length) : axes;
      // ONNX Runtime leaves out the function itself (|x|, x²) when there is nothing to reduce.
      const attributes = {
        keepdims: int(keep ? 1 : 0),
        noop_with_empty_axes: int(noop && opType === 'ReduceSum' ? 1 : 0),
      };
      await checkGradient({
        // The norm bends sharply near 0, too much for the differences.
        inputs: [sample(shape, seed, opType === 'ReduceL2' ? positive : around0)],
        build: (b, [x]) => b.op(opType, [x, named.length === 0 ? undefined : b.ints(named)], attributes),
        seed,
      });
    }),
    { numRuns: 15 },
  );
});
