import { expect, test } from 'vitest';
import { builderFromModel, GraphBuilder, tensorOf } from '../onnx/index.js';
import { floats, largestDifference, oracle, outputOf } from '../testing/quantization.js';
import { prepare, quantizeDynamic, quantizeWeights4 } from './index.js';
import { packBlocks } from './weights4.js';

test('four bits are packed as ONNX Runtime packs them', () => {
  const { weight, packed, scales } = oracle.fourBits;
  const found = packBlocks(Float64Array.from(floats(weight)), 70, 5);
  expect(largestDifference(found.scales, floats(scales))).toBeLessThan(1e-7);
  expect([...found.packed]).toEqual(packed);
});

test('dynamic and 4-bit forms give nearly what the model gives, and are read again', async () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 7, 128]);
  const weight = Float32Array.from({ length: 128 * 128 }, (_, i) => Math.sin(i * i) * 0.1);
  b.output(b.op('MatMul', [x, b.constant(tensorOf('float32', [128, 128], weight))]), 'y');
  const prepared = prepare(b.build());
  const input = Float32Array.from({ length: 3 * 7 * 128 }, (_, i) => Math.cos(i * i * 0.7));
  const exact = await outputOf(prepared.model, input, [3, 7, 128]);
  for (const [form, share] of [
    [quantizeDynamic(prepared), 0.02],
    [quantizeWeights4(prepared), 0.15],
  ] as const) {
    expect(builderFromModel(form).outputs[0].value.shape).toEqual(['batch', 7, 128]);
    const error = largestDifference(exact, await outputOf(form, input, [3, 7, 128]));
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(share * Math.max(...exact.map(Math.abs)));
  }
});
