import { expect, test } from 'vitest';
import { GraphBuilder, type Model, tensorOf } from '../onnx/index.js';
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
