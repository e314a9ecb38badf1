import { expect, test } from 'vitest';
import { GraphBuilder, int, type Model, tensorOf } from '../onnx/index.js';
import { largestDifference, outputOf } from '../testing/quantization.js';
import { prepare } from './index.js';

/** Conv, BatchNormalization, Relu, and a dense layer as PyTorch writes it: MatMul and Add. */
function normalized(): Model {
  const b = new GraphBuilder();
  const wave = (count: number, scale: number) =>
    Float32Array.from({ length: count }, (_, i) => scale * Math.sin(3 * i + 1));
  const stored = (shape: readonly number[], scale: number, base = 0) =>
    b.constant(
      tensorOf(
        'float32',
        shape,
        wave(
          shape.reduce((a, c) => a * c, 1),
          scale,
        ).map((v) => v + base),
      ),
    );
  const x = b.input('x', 'float32', ['batch', 2, 4, 4]);
  const conv = b.op('Conv', [x, stored([3, 2, 3, 3], 0.5), stored([3], 0.2)]);
  const norm = b.op('BatchNormalization', [
    conv,
    stored([3], 0.3, 1),
    stored([3], 0.5),
    stored([3], 1),
    stored([3], 0.2, 1),
  ]);
  const flat = b.op('Flatten', [b.op('Relu', [norm])]);
  b.output(b.op('Add', [b.op('MatMul', [flat, stored([12, 4], 0.6)]), stored([4], 0.1)]), 'y');
  return b.build();
}

test('batch normalisation goes into the weights, a bias into its product, and the model computes what it did', async () => {
  const model = normalized();
  const prepared = prepare(model);
  expect(prepared.model.graph.nodes.map(({ opType }) => opType)).toEqual([
    'Conv',
    'Relu',
    'Flatten',
    'Gemm',
    'Identity',
  ]);
  const x = Float32Array.from({ length: 5 * 32 }, (_, i) => Math.cos(i));
  const [before, after] = [
    await outputOf(model, x, [5, 2, 4, 4]),
    await outputOf(prepared.model, x, [5, 2, 4, 4]),
  ];
  expect(largestDifference(before, after)).toBeLessThan(1e-5);
});

test.each(['', 'b'])(
  'the sizes of one example are known where a graph computes them from its batch "%s"',
  (batch) => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [batch === '' ? 3 : batch, 4, 6]);
    const rows = b.op('Slice', [b.op('Shape', [x]), b.ints([0]), b.ints([1])]);
    const joined = b.op('Mul', [rows, b.ints([4])]);
    const flat = b.op('Reshape', [x, b.op('Concat', [joined, b.ints([6])], { axis: int(0) })]);
    const weight = b.constant(tensorOf('float32', [6, 5], new Float32Array(30).fill(1)));
    b.output(b.op('MatMul', [flat, weight]), 'y');
    // Four rows of one example, each times 6 by 5 weights.
    expect(prepare(b.build()).layers.map(({ multiplications }) => multiplications)).toEqual([4 * 30]);
  },
);
