import fc from 'fast-check';
import { test } from 'vitest';
import { float, int, tensorOf } from '../../onnx/index.js';
import { checkGradient } from '../../testing/gradient-check.js';
import { positive, sample, seeds, shapes } from '../../testing/samples.js';

test.each(['Softmax', 'LogSoftmax'])('%s along any axis', async (opType) => {
  const cases = shapes(1, 3).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
      seed: seeds,
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ shape, axis, seed }) => {
      await checkGradient({
        inputs: [sample(shape, seed)],
        build: (b, [x]) => b.op(opType, [x], { axis: int(axis) }),
        seed,
      });
    }),
    { numRuns: 15 },
  );
});

test('LayerNormalization from any axis, with and without bias', async () => {
  const cases = shapes(2, 4).chain((shape) =>
    fc.record({
      shape: fc.constant(shape.with(-1, 4)),
      axis: fc.integer({ min: 1, max: shape.length - 1 }),
      bias: fc.boolean(),
      seed: seeds,
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ shape, axis, bias, seed }) => {
      const normalized = shape.slice(axis);
      const inputs = [sample(shape, seed), sample(normalized, seed + 1)];
      if (bias) inputs.push(sample(normalized, seed + 2));
      await checkGradient({
        inputs,
        build: (b, values) =>
          b.op('LayerNormalization', values, { axis: int(axis - shape.length), epsilon: float(0.1) }),
        seed,
      });
    }),
    { numRuns: 20 },
  );
});

test('BatchNormalization in inference form', async () => {
  for (const spatial of [[], [3], [2, 3]]) {
    await checkGradient({
      inputs: [sample([2, 3, ...spatial], 1), sample([3], 2), sample([3], 3)],
      build: (b, [x, weight, bias]) => {
        const mean = b.constant(tensorOf('float32', [3], [0.5, -1, 2]));
        const variance = b.constant(tensorOf('float32', [3], sample([3], 4, positive).data));
        return b.op('BatchNormalization', [x, weight, bias, mean, variance], { epsilon: float(0.01) });
      },
      seed: 5,
    });
  }
});

test('InstanceNormalization', async () => {
  for (const spatial of [[4], [2, 3]]) {
    await checkGradient({
      inputs: [sample([2, 3, ...spatial], 1), sample([3], 2), sample([3], 3)],
      build: (b, values) => b.op('InstanceNormalization', values, { epsilon: float(0.1) }),
      seed: 4,
    });
  }
});
