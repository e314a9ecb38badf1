import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deviceNoise } from './device-noise.js';
import { roundedNorms } from './rounded-norms.js';

test('whoever drops out or colludes within tolerance, enough noise is left, and little more', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.1, max: 1e4, noNaN: true }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 0, max: 200 }),
      (centralStddev, honest, toleratedDropouts, colluding) => {
        const devices = honest + toleratedDropouts + colluding;
        const noise = deviceNoise(centralStddev, { devices, toleratedDropouts, colluding });
        expect(noise.contributors).toBe(honest);
        const left = noise.deviceStddev ** 2 * honest;
        expect(left).toBeGreaterThanOrEqual(centralStddev ** 2 * (1 - 1e-12));
        expect(Math.sqrt(left)).toBeLessThanOrEqual(centralStddev + Math.sqrt(honest) * 2 ** -10 + 1e-9);
        expect(noise.largestStddev).toBeCloseTo(noise.deviceStddev * Math.sqrt(devices), 6);
        expect(Number.isInteger(noise.deviceStddev * 2 ** 10)).toBe(true);
      },
    ),
  );
});

test.each([
  [10, { devices: 5, toleratedDropouts: 3, colluding: 2 }, 'invalid-cohort'],
  [10, { devices: 5, toleratedDropouts: -1, colluding: 0 }, 'invalid-cohort'],
  [10, { devices: 5.5, toleratedDropouts: 0, colluding: 0 }, 'invalid-cohort'],
  [0, { devices: 5, toleratedDropouts: 0, colluding: 0 }, 'invalid-noise'],
])('σ = %d for %j is refused as %s', (stddev, cohort, code) => {
  expect(() => deviceNoise(stddev, cohort)).toThrow(expect.objectContaining({ code }));
});

test('no rounding leaves the norms that always hold', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 50 }),
      fc.infiniteStream(fc.boolean()),
      (vector, ups) => {
        const l2 = Math.hypot(...vector);
        fc.pre(l2 > 0);
        const rounded = vector.map((x) => (ups.next().value ? Math.ceil(x) : Math.floor(x)));
        const norms = roundedNorms(l2, vector.length, 0);
        expect(Math.hypot(...rounded)).toBeLessThanOrEqual(norms.l2 + 1e-9);
        const l1 = rounded.reduce((sum, x) => sum + Math.abs(x), 0);
        expect(l1).toBeLessThanOrEqual(norms.l1 + 1e-9);
      },
    ),
  );
});

test('a little bias buys a much smaller norm in many dimensions', () => {
  const certain = roundedNorms(1000, 200_000, 0);
  const likely = roundedNorms(1000, 200_000, Math.exp(-0.5));
  expect(certain.l2).toBeCloseTo(1000 + Math.sqrt(200_000), 6);
  expect(likely.l2).toBeCloseTo(Math.sqrt(1e6 + 50_000 + 1000 + Math.sqrt(200_000) / 2), 6);
  expect(() => roundedNorms(1000, 10, 1)).toThrow(expect.objectContaining({ code: 'invalid-sensitivity' }));
  expect(() => roundedNorms(0, 10, 0)).toThrow(expect.objectContaining({ code: 'invalid-sensitivity' }));
});
