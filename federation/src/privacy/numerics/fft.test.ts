import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFourierTransform, mirrored } from './fft.js';

const signal = fc
  .integer({ min: 0, max: 7 })
  .chain((log) =>
    fc.tuple(
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2 ** log, maxLength: 2 ** log }),
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2 ** log, maxLength: 2 ** log }),
    ),
  );

function reverseBits(value: number, bits: number): number {
  let reversed = 0;
  for (let i = 0; i < bits; i += 1) reversed |= ((value >> i) & 1) << (bits - 1 - i);
  return reversed;
}

test('forward is the sum it should be, at bit-reversed places', () => {
  fc.assert(
    fc.property(signal, ([a, b]) => {
      const re = Float64Array.from(a);
      const im = Float64Array.from(b);
      const size = re.length;
      createFourierTransform(size).forward(re, im);
      for (let k = 0; k < size; k += 1) {
        let sumRe = 0;
        let sumIm = 0;
        for (let j = 0; j < size; j += 1) {
          const angle = (-2 * Math.PI * j * k) / size;
          sumRe += a[j] * Math.cos(angle) - b[j] * Math.sin(angle);
          sumIm += a[j] * Math.sin(angle) + b[j] * Math.cos(angle);
        }
        const place = reverseBits(k, Math.log2(size));
        expect(re[place]).toBeCloseTo(sumRe, 9);
        expect(im[place]).toBeCloseTo(sumIm, 9);
        expect(mirrored(place)).toBe(reverseBits((size - k) % size, Math.log2(size)));
      }
    }),
    { numRuns: 40 },
  );
});

test('inverse undoes forward', () => {
  fc.assert(
    fc.property(signal, ([a, b]) => {
      const re = Float64Array.from(a);
      const im = Float64Array.from(b);
      const transform = createFourierTransform(re.length);
      transform.forward(re, im);
      transform.inverse(re, im);
      for (let i = 0; i < re.length; i += 1) {
        expect(Math.abs(re[i] - a[i])).toBeLessThan(1e-14);
        expect(Math.abs(im[i] - b[i])).toBeLessThan(1e-14);
      }
    }),
  );
});

test('a size that is not a power of two is refused', () => {
  expect(() => createFourierTransform(12)).toThrow(RangeError);
});
