import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSeededEntropy } from '../../ports/index.js';
import { combineShares, lagrangeCoefficients } from './combine.js';
import { invert, multiply, prime, reduce, subtract } from './field.js';
import { limbCount, packShare, shareBytes, unpackShare } from './limbs.js';
import { splitSecret } from './split.js';

const element = fc.integer({ min: 0, max: prime - 1 });
const secret = fc.uint8Array({ minLength: 32, maxLength: 32 });

test('the modulus is prime', () => {
  for (let divisor = 2; divisor * divisor <= prime; divisor += 1) expect(prime % divisor).not.toBe(0);
});

test('field arithmetic agrees with big integers, at the edges too', () => {
  const p = BigInt(prime);
  const check = (a: number, b: number): void => {
    expect(multiply(a, b)).toBe(Number((BigInt(a) * BigInt(b)) % p));
    expect(subtract(a, b)).toBe(Number((BigInt(a) - BigInt(b) + p) % p));
    if (a !== 0) expect(multiply(a, invert(a))).toBe(1);
  };
  for (const a of [0, 1, 2, prime - 2, prime - 1]) for (const b of [0, 1, prime - 1]) check(a, b);
  fc.assert(fc.property(element, element, check), { numRuns: 2_000 });
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const within = Math.abs(value) % 2 ** 52;
      expect(reduce(within)).toBe(within % prime);
    }),
    { numRuns: 2_000 },
  );
});

test('packed shares are 36 bytes and read back', () => {
  expect(shareBytes).toBe(36);
  fc.assert(
    fc.property(fc.array(element, { minLength: limbCount, maxLength: limbCount }), (values) => {
      const bytes = new Uint8Array(shareBytes + 5);
      packShare(Float64Array.from(values), bytes, 5);
      expect(Array.from(unpackShare(bytes, 5))).toEqual(values);
    }),
  );
});

test('any `threshold` shares give the secret back, in any order', () => {
  fc.assert(
    fc.property(
      secret,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 20 }),
      fc.integer(),
      (bytes, threshold, extra, seed) => {
        const entropy = createSeededEntropy(seed);
        const points = Array.from({ length: threshold + extra }, (_, i) => 1 + 3 * i);
        const shares = splitSecret(bytes, threshold, points, entropy);
        const order = points.map((_, i) => i).sort((a, b) => ((a * 7 + seed) % 11) - ((b * 7 + seed) % 11));
        const chosen = order.slice(0, threshold);
        const coefficients = lagrangeCoefficients(chosen.map((i) => points[i]));
        const combined = combineShares(
          chosen.map((i) => shares[i]),
          coefficients,
        );
        expect(combined).toEqual(bytes);
      },
    ),
    { numRuns: 200 },
  );
});

test('the extremes of secrets survive', () => {
  for (const fill of [0, 255]) {
    const bytes = new Uint8Array(32).fill(fill);
    const shares = splitSecret(bytes, 3, [1, 2, 5], createSeededEntropy(1));
    expect(combineShares(shares, lagrangeCoefficients([1, 2, 5]))).toEqual(bytes);
  }
});

test('one share fewer than the threshold is as likely for any other secret', () => {
  // The share at 1 of a sharing with threshold 2 is the secret plus a uniform number: its lowest 4 bits are uniform.
  for (const fill of [0, 255]) {
    const cells = Array<number>(16).fill(0);
    const entropy = createSeededEntropy(`hiding ${fill}`);
    for (let i = 0; i < 8_000; i += 1) {
      const [share] = splitSecret(new Uint8Array(32).fill(fill), 2, [1, 2], entropy);
      cells[share[0] & 15] += 1;
    }
    const chiSquared = cells.reduce((sum, count) => sum + (count - 500) ** 2 / 500, 0);
    // 37.7 is the 0.999 quantile with 15 degrees of freedom.
    expect(chiSquared).toBeLessThan(37.7);
  }
});

test('a wrong share does not give the secret', () => {
  const bytes = new Uint8Array(32).fill(5);
  const shares = splitSecret(bytes, 3, [1, 2, 3], createSeededEntropy(2));
  shares[1][0] ^= 1;
  expect(combineShares(shares, lagrangeCoefficients([1, 2, 3]))).not.toEqual(bytes);
});

test('settings without sense are refused', () => {
  const entropy = createSeededEntropy(0);
  const bytes = new Uint8Array(32);
  expect(() => splitSecret(bytes, 3, [1, 2], entropy)).toThrow(/cannot be reached/);
  expect(() => splitSecret(bytes, 0, [1, 2], entropy)).toThrow(/cannot be reached/);
  expect(() => splitSecret(bytes.subarray(1), 1, [1], entropy)).toThrow(/32 bytes/);
  expect(() => lagrangeCoefficients([1, 1])).toThrow(/distinct/);
  expect(() => lagrangeCoefficients([0, 1])).toThrow(/distinct/);
  expect(() => combineShares([bytes], lagrangeCoefficients([1]))).toThrow(/36 bytes/);
});
