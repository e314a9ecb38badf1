import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSeededEntropy } from '../ports/seeded-entropy.js';
import { clipToNorm, l2Norm, weightWithin } from './clip.js';
import { encodeUpdate, float32Encoding, stochastic8BitEncoding } from './encoding.js';
import { createUpdateValidator } from './update-validator.js';

const vectors = fc.float32Array({
  minLength: 1,
  maxLength: 200,
  noNaN: true,
  noDefaultInfinity: true,
  min: Math.fround(-1e15),
  max: Math.fround(1e15),
});
const bounds = fc.double({ min: 1e-3, max: 1e6, noNaN: true });

test('no vector is longer than the bound afterwards, and none is turned', () => {
  fc.assert(
    fc.property(vectors, bounds, (vector, bound) => {
      const before = Float32Array.from(vector);
      const { norm, factor } = clipToNorm(vector, bound);
      expect(l2Norm(vector)).toBeLessThanOrEqual(bound);
      expect(norm).toBe(l2Norm(before));
      expect(factor === 1).toBe(norm <= bound);
      vector.forEach((value, i) => {
        expect(Math.abs(value - before[i] * factor)).toBeLessThanOrEqual(
          Math.max(3e-45, Math.abs(before[i] * factor) * 2 ** -22),
        );
      });
    }),
  );
});

test('a vector within the bound stays as it is, bit for bit', () => {
  const delta = Float32Array.of(3, 4);
  expect(clipToNorm(delta, 5)).toEqual({ norm: 5, factor: 1 });
  expect(delta).toEqual(Float32Array.of(3, 4));
  expect(clipToNorm(delta, 2.5)).toEqual({ norm: 5, factor: 0.5 });
  expect(delta).toEqual(Float32Array.of(1.5, 2));
});

test('numbers that are not numbers, and bounds that are not bounds, are refused', () => {
  expect(() => clipToNorm(Float32Array.of(1, Number.NaN), 1)).toThrow(
    expect.objectContaining({ code: 'not-finite' }),
  );
  for (const bound of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => clipToNorm(Float32Array.of(1), bound)).toThrow(
      expect.objectContaining({ code: 'invalid-bound' }),
    );
  }
});

test('whoever sums an update measures it in passing, and weighs it so that it stays within the bound', () => {
  fc.assert(
    fc.property(
      vectors,
      bounds,
      fc.boolean(),
      fc.integer({ min: 1, max: 97 }),
      (vector, bound, f32, chunk) => {
        const encoding = f32 ? float32Encoding : { ...stochastic8BitEncoding, blockSize: 16 };
        const payload = encodeUpdate(vector, encoding, createSeededEntropy(1));
        const validator = createUpdateValidator(vector.length, encoding);
        for (let at = 0; at < payload.length; at += chunk) validator.push(payload.slice(at, at + chunk));
        validator.finish();
        const norm = validator.norm();
        if (f32) expect(norm).toBeCloseTo(l2Norm(vector), -Math.log10(Math.max(1, norm)) + 9);
        const weight = weightWithin(norm, bound);
        expect(weight).toBeLessThanOrEqual(1);
        expect(norm * weight).toBeLessThanOrEqual(bound * (1 + 1e-12));
      },
    ),
  );
});
