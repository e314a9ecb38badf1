import fc from 'fast-check';
import { test } from 'vitest';
import { type GraphBuilder, int, ints, tensorOf, type Value } from '../../onnx/index.js';
import { checkGradient } from '../../testing/gradient-check.js';
import { broadcastable, sample, seeds, shapes } from '../../testing/samples.js';

const runs = { numRuns: 12 };

/** A property over random shapes of one input. */
async function forShapes(
  arbitrary: fc.Arbitrary<number[]>,
  build: (b: GraphBuilder, x: Value, seed: number) => Value,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(arbitrary, seeds, async (shape, seed) => {
      await checkGradient({ inputs: [sample(shape, seed)], build: (b, [x]) => build(b, x, seed), seed });
    }),
    runs,
  );
}

test('Reshape and Flatten', async () => {
  await forShapes(shapes(1, 4), (b, x) => b.op('Reshape', [x, b.ints([-1, 1])]));
  await forShapes(shapes(2, 4), (b, x) => b.op('Reshape', [x, b.ints([0, -1])]));
  await forShapes(shapes(1, 4), (b, x, seed) =>
    b.op('Flatten', [x], { axis: int(seed % (x.shape.length + 1)) }),
  );
});

test('Squeeze and Unsqueeze', async () => {
  await forShapes(shapes(1, 3), (b, x) => b.op('Unsqueeze', [x, b.ints([-1, 0])]));
  await forShapes(
    shapes(1, 3).map((shape) => [1, ...shape, 1]),
    (b, x) => b.op('Squeeze', [x, b.ints([0, -1])]),
  );
});

test('Transpose', async () => {
  const cases = shapes(1, 4).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      order: fc.shuffledSubarray(
        shape.map((_, axis) => axis),
        { minLength: shape.length },
      ),
      seed: seeds,
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, fc.boolean(), async ({ shape, order, seed }, reversed) => {
      await checkGradient({
        inputs: [sample(shape, seed)],
        build: (b, [x]) => b.op('Transpose', [x], reversed ? {} : { perm: ints(order) }),
        seed,
      });
    }),
    runs,
  );
});

test('Concat and Split', async () => {
  const cases = shapes(1, 3).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
      sizes: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
      seed: seeds,
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ shape, axis, sizes, seed }) => {
      const parts = sizes.map((size) => shape.with(axis, size));
      await checkGradient({
        inputs: parts.map((part, i) => sample(part, seed + i)),
        build: (b, values) => b.op('Concat', values, { axis: int(axis) }),
        seed,
      });
      const total = sizes.reduce((sum, size) => sum + size, 0);
      await checkGradient({
        inputs: [sample(shape.with(axis, total), seed)],
        build: (b, [x]) =>
          b.ops('Split', [x, b.ints(sizes)], sizes.length, { axis: int(axis) })[sizes.length - 1],
        seed,
      });
    }),
    runs,
  );
});

test('Slice with any bounds and steps, also backwards', async () => {
  const cases = fc.record({
    sizes: fc.array(fc.integer({ min: 2, max: 7 }), { minLength: 1, maxLength: 3 }),
    start: fc.integer({ min: -3, max: 3 }),
    length: fc.integer({ min: 1, max: 9 }),
    step: fc.constantFrom(1, 2, 3, -1, -2),
    seed: seeds,
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ sizes, start, length, step, seed }) => {
      const axis = seed % sizes.length;
      const size = sizes[axis];
      const from = Math.max(-size, Math.min(size - 1, start));
      const first = from < 0 ? from + size : from;
      // Beyond the axis at either end is legal, and means up to it.
      const last = step > 0 ? first + length : first - length < 0 ? -size - 5 : first - length;
      await checkGradient({
        inputs: [sample(sizes, seed)],
        build: (b, [x]) => b.op('Slice', [x, b.ints([from]), b.ints([last]), b.ints([axis]), b.ints([step])]),
        seed,
      });
    }),
    { numRuns: 40 },
  );
});

test('Slice that takes nothing', async () => {
  await checkGradient({
    inputs: [sample([3, 2], 1)],
    build: (b, [x]) => {
      const none = b.op('Slice', [x, b.ints([3]), b.ints([9]), b.ints([0])]);
      return b.op('Concat', [x, none], { axis: int(0) });
    },
    seed: 2,
  });
});

test('Gather along any axis, indices repeated and negative', async () => {
  const cases = shapes(1, 3).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
      picked: shapes(0, 2),
      seed: seeds,
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ shape, axis, picked, seed }) => {
      const size = shape.at(axis) ?? 1;
      const places = sample(picked, seed + 1).data.map((x) => Math.floor(((x + 2) / 4) * 2 * size) - size);
      await checkGradient({
        inputs: [sample(shape, seed)],
        build: (b, [x]) =>
          b.op('Gather', [x, b.constant(tensorOf('int64', picked, places))], { axis: int(axis) }),
        seed,
      });
    }),
    { numRuns: 20 },
  );
});

test('GatherElements and GatherND add up repeated elements', async () => {
  await checkGradient({
    inputs: [sample([3, 4], 1)],
    build: (b, [x]) =>
      b.op('GatherElements', [x, b.constant(tensorOf('int64', [2, 4], [0, 2, 2, 1, 0, 1, -1, 1]))], {
        axis: int(0),
      }),
    seed: 2,
  });
  await checkGradient({
    inputs: [sample([3, 4, 2], 1)],
    build: (b, [x]) => b.op('GatherND', [x, b.constant(tensorOf('int64', [3, 2], [0, 1, 2, 3, 0, 1]))]),
    seed: 2,
  });
});

test('Expand and Tile', async () => {
  const cases = shapes(1, 4).chain((shape) => fc.tuple(fc.constant(shape), broadcastable(shape)));
  await fc.assert(
    fc.asyncProperty(cases, seeds, async ([to, from], seed) => {
      await checkGradient({
        inputs: [sample(from, seed)],
        build: (b, [x]) => b.op('Expand', [x, b.ints(to)]),
        seed,
      });
    }),
    runs,
  );
  await forShapes(shapes(1, 3), (b, x, seed) =>
    b.op('Tile', [x, b.ints(x.shape.map((_, axis) => 1 + ((seed >> axis) % 3)))]),
  );
});

test('Pad, also by negative amounts', async () => {
  await forShapes(
    shapes(1, 3).map((shape) => shape.map((size) => size + 2)),
    (b, x, seed) => {
      const amounts = [...x.shape, ...x.shape].map((_, i) => ((seed >> i) % 4) - 1);
      return b.op('Pad', [x, b.ints(amounts), b.scalar(0.5)]);
    },
  );
});
