import fc from 'fast-check';
import { expect, test } from 'vitest';
import { float, GraphBuilder, int, ints } from '../../onnx/index.js';
import { checkGradient } from '../../testing/gradient-check.js';
import { broadcastable, sample, seeds, shapes } from '../../testing/samples.js';
import { differentiate } from '../differentiate.js';

const size = fc.integer({ min: 1, max: 4 });

/** Batch dimensions of two operands, each broadcast to the other's, and the sizes of one product. */
const operands = shapes(0, 2).chain((batch) =>
  fc.record({
    left: broadcastable(batch),
    right: broadcastable(batch),
    sizes: fc.tuple(size, size, size),
    seed: seeds,
  }),
);

test('MatMul of any ranks, batch dimensions broadcast on either side', async () => {
  await fc.assert(
    fc.asyncProperty(operands, async ({ left, right, sizes: [m, k, n], seed }) => {
      await checkGradient({
        inputs: [sample([...left, m, k], seed), sample([...right, k, n], seed + 1)],
        build: (b, [x, y]) => b.op('MatMul', [x, y]),
        seed,
      });
    }),
    { numRuns: 30 },
  );
});

test('MatMul with a transposed operand, which may be wanted elsewhere too', async () => {
  await fc.assert(
    fc.asyncProperty(operands, fc.boolean(), async ({ left, right, sizes: [m, k, n], seed }, both) => {
      await checkGradient({
        inputs: [sample([...left, m, k], seed), sample([...right, n, k], seed + 1)],
        build: (b, [x, y]) => {
          const rank = y.shape.length;
          const perm = y.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
          const turned = b.op('Transpose', [y], { perm: ints(perm) });
          const product = b.op('MatMul', [x, turned]);
          return both ? b.op('Mul', [product, b.op('ReduceSum', [turned])]) : product;
        },
        seed,
      });
    }),
    { numRuns: 30 },
  );
});

test.each([
  [[3], [3]],
  [[3], [3, 2]],
  [[2, 3], [3]],
  [[3], [4, 3, 2]],
  [[4, 2, 3], [3]],
  [
    [5, 2, 3],
    [3, 2],
  ],
  [
    [2, 3],
    [5, 3, 2],
  ],
])('MatMul of %j and %j', async (left, right) => {
  await checkGradient({
    inputs: [sample(left, 1), sample(right, 2)],
    build: (b, [x, y]) => b.op('MatMul', [x, y]),
    seed: 3,
  });
});

test('Gemm, each operand transposed or not, with scale factors and a broadcast term', async () => {
  const cases = fc.record({
    sizes: fc.tuple(size, size, size),
    transA: fc.boolean(),
    transB: fc.boolean(),
    alpha: fc.constantFrom(1, -0.5, 2),
    beta: fc.constantFrom(1, 0.25),
    term: fc.constantFrom('none', 'scalar', 'row', 'column', 'matrix'),
    seed: seeds,
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ sizes: [m, k, n], transA, transB, alpha, beta, term, seed }) => {
      const terms = { scalar: [], row: [n], column: [m, 1], matrix: [m, n] };
      const inputs = [
        sample(transA ? [k, m] : [m, k], seed),
        sample(transB ? [n, k] : [k, n], seed + 1),
        ...(term === 'none' ? [] : [sample(terms[term], seed + 2)]),
      ];
      const attributes = {
        transA: int(transA ? 1 : 0),
        transB: int(transB ? 1 : 0),
        alpha: float(alpha),
        beta: float(beta),
      };
      await checkGradient({ inputs, build: (b, values) => b.op('Gemm', values, attributes), seed });
    }),
    { numRuns: 40 },
  );
});

test('nothing is computed for data: only the weight has a gradient', () => {
  const b = new GraphBuilder();
  const [x, w] = [b.input('x', 'float32', ['batch', 3]), b.input('w', 'float32', [3, 2])];
  const before = b.op('ReduceSum', [b.op('MatMul', [x, w])], { keepdims: int(0) });
  const forward = b.nodes.length;
  const [gradient] = differentiate(b, { loss: before, withRespectTo: [w] });
  expect(gradient.shape).toEqual([3, 2]);
  expect(b.nodes.slice(forward).filter(({ opType }) => opType === 'Gemm')).toHaveLength(1);
});
