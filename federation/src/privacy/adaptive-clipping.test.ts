import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSeededEntropy } from '../ports/index.js';
import {
  adaptClipping,
  startAdaptiveClipping,
  updateNoiseMultiplier,
  withinBoundBit,
} from './adaptive-clipping.js';
import { gaussianNoise } from './mechanisms/index.js';

const settings = { initialBound: 1, targetQuantile: 0.5, learningRate: 0.2, countStddev: 5 };

test.each([0.001, 0.1, 30, 5000])(
  'from %d the bound comes to the median of the norms, in spite of the noise',
  (initialBound) => {
    const entropy = createSeededEntropy(`norms ${initialBound}`);
    let clipping = startAdaptiveClipping({ ...settings, initialBound });
    const devices = 100;
    for (let round = 0; round < 150; round += 1) {
      // Log-normal norms with median 2.
      const norms = Array.from({ length: devices }, () => 2 * Math.exp(gaussianNoise(entropy, 0.5)));
      const within = norms.reduce<number>((sum, norm) => sum + withinBoundBit(norm, clipping.bound), 0);
      clipping = adaptClipping(clipping, within + gaussianNoise(entropy, settings.countStddev), devices);
    }
    expect(clipping.bound).toBeGreaterThan(2 / 1.25);
    expect(clipping.bound).toBeLessThan(2 * 1.25);
  },
);

test('one step is the published one: C·exp(-η(b - γ))', () => {
  const clipping = startAdaptiveClipping({ ...settings, initialBound: 3 });
  expect(adaptClipping(clipping, 80, 100).bound).toBeCloseTo(3 * Math.exp(-0.2 * 0.3), 12);
  expect(adaptClipping(clipping, 50, 100)).toEqual(clipping);
  expect(withinBoundBit(3, 3)).toBe(1);
  expect(withinBoundBit(3.001, 3)).toBe(0);
});

test('no noise moves the bound by more than a factor of ten, nor to zero', () => {
  fc.assert(
    fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), (count) => {
      const { bound } = adaptClipping(startAdaptiveClipping(settings), count, 1);
      expect(bound).toBeGreaterThanOrEqual(0.1);
      expect(bound).toBeLessThanOrEqual(10);
    }),
  );
});

test('update and count together have exactly the noise that was asked for', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.1, max: 10, noNaN: true }),
      fc.double({ min: 1.01, max: 50, noNaN: true }),
      (z, room) => {
        const countStddev = (z / 2) * room;
        const update = updateNoiseMultiplier(z, countStddev);
        expect(update).toBeGreaterThan(z);
        // Precisions of independent Gaussian mechanisms add up; the bit has sensitivity 1/2.
        expect(update ** -2 + (0.5 / countStddev) ** 2).toBeCloseTo(z ** -2, 9);
      },
    ),
  );
});

test('settings out of range are refused', () => {
  const code = 'invalid-clipping';
  for (const wrong of [
    { initialBound: 0 },
    { targetQuantile: 1.5 },
    { learningRate: 0 },
    { countStddev: -1 },
  ]) {
    expect(() => startAdaptiveClipping({ ...settings, ...wrong })).toThrow(expect.objectContaining({ code }));
  }
  const clipping = startAdaptiveClipping(settings);
  expect(() => adaptClipping(clipping, Number.NaN, 10)).toThrow(expect.objectContaining({ code }));
  expect(() => adaptClipping(clipping, 5, 0)).toThrow(expect.objectContaining({ code }));
  expect(() => updateNoiseMultiplier(1, 0.5)).toThrow(expect.objectContaining({ code }));
  expect(() => updateNoiseMultiplier(0, 5)).toThrow(expect.objectContaining({ code: 'invalid-noise' }));
});
