/** What counts as right: of classes, of one number, and of numbers. */
import { expect, test } from 'vitest';
import { GraphBuilder, type Model } from '../onnx/index.js';
import { sourceOf } from '../testing/quantization.js';
import { isGoodEnough, measureQuality } from './measure.js';

/** Gives its input, of this shape, or what the operator makes of it. */
function given(shape: readonly number[], opType: 'Identity' | 'Sigmoid'): Model {
  const b = new GraphBuilder();
  const x = b.input('features', 'float32', ['batch', ...shape]);
  b.output(b.op('Identity', [b.op(opType, [x])]), 'y');
  return b.build();
}

const classes = { kind: 'class', elements: 1 } as const;
/** Of which the first, the third and the fourth are positive. */
const scores = sourceOf(Float32Array.from([0.2, -0.2, 3, 0.4]), 1, (row) => (row === 1 ? 0 : 1));

test.each(['Identity', 'Sigmoid'] as const)(
  'one number of a class decides after %s as it should',
  async (opType) => {
    const { value } = await measureQuality(given([1], opType), scores, classes);
    expect(value).toBe(1);
  },
);

test('answers that do not fit their targets are no measure', async () => {
  const four = sourceOf(new Float32Array(8), 4);
  await expect(measureQuality(given([2, 2], 'Identity'), four, classes)).rejects.toThrow(
    /the output y gives \[2,2\] for one example/,
  );
  await expect(measureQuality(given([4], 'Identity'), four, { kind: 'number', elements: 2 })).rejects.toThrow(
    /gives 4 numbers for an example, and its target has 2/,
  );
});

test('the bound itself is good enough, and no number is not', () => {
  const accuracy = (value: number) => ({ metric: 'accuracy', value, examples: 200 }) as const;
  expect(isGoodEnough(accuracy(1), accuracy(0.995), 0.005)).toBe(true);
  expect(isGoodEnough(accuracy(1), accuracy(0.99), 0.005)).toBe(false);
  expect(isGoodEnough(accuracy(1), accuracy(Number.NaN), 0.005)).toBe(false);
});
