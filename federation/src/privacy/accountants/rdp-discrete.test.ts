import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DiscreteGaussianMechanism, PrivacyMechanism, SkellamMechanism } from '../mechanism.js';
import { rdpEpsilon } from './rdp.js';
import { discreteGaussianDivergence, skellamDivergence } from './rdp-discrete.js';
import { gaussianDivergence } from './rdp-gaussian.js';
import { sampledDivergence } from './rdp-subsampling.js';

interface Divergence {
  sampling: number;
  order: number;
  divergence: number;
}

const oracle = JSON.parse(
  readFileSync(new URL('../../../../test/oracles/dp-epsilon.json', import.meta.url), 'utf8'),
) as {
  discreteGaussians: { deviceStddev: number; devices: number; shift: number; divergences: Divergence[] }[];
  skellams: { centralVariance: number; shift: number; divergences: Divergence[] }[];
};

describe.each(oracle.discreteGaussians)(
  '$devices discrete Gaussians of σ = $deviceStddev, moved by $shift',
  ({ deviceStddev, devices, shift, divergences }) => {
    const mechanism: DiscreteGaussianMechanism = {
      kind: 'discrete-gaussian',
      deviceStddev,
      devices,
      dimension: 1,
      l1Sensitivity: shift,
      l2Sensitivity: shift,
      sampling: 1,
    };

    test('the bound holds against exact divergences, and is not loose without sampling', () => {
      for (const { sampling, order, divergence } of divergences) {
        const bound =
          sampling === 1
            ? discreteGaussianDivergence(mechanism, order)
            : sampledDivergence((n) => discreteGaussianDivergence(mechanism, n), sampling, order);
        expect(bound).toBeGreaterThan(divergence * (1 - 1e-9));
        if (sampling === 1 && devices === 1 && Number.isInteger(order))
          expect(Math.abs(bound / divergence - 1)).toBeLessThan(1e-9);
      }
    });
  },
);

describe.each(oracle.skellams)(
  'Skellam noise of variance $centralVariance, moved by $shift',
  ({ centralVariance, shift, divergences }) => {
    const mechanism: SkellamMechanism = {
      kind: 'skellam',
      centralVariance,
      l1Sensitivity: shift,
      l2Sensitivity: shift,
      sampling: 1,
    };

    test('the bound holds against exact divergences, and is close for much noise', () => {
      for (const { sampling, order, divergence } of divergences) {
        const bound = sampledDivergence((n) => skellamDivergence(mechanism, n), sampling, order);
        expect(bound).toBeGreaterThan(divergence * (1 - 1e-9));
        if (sampling === 1 && centralVariance >= 100 && (order === 2 || order === 3)) {
          expect(bound).toBeLessThan(divergence * 1.05);
        }
      }
    });
  },
);

test('generic amplification is never below the tight divergence of the Gaussian, and helps', () => {
  for (const sigma of [0.7, 1, 2, 5]) {
    for (const q of [0.001, 0.05, 0.5]) {
      for (const order of [2, 3, 8, 32, 2.5, 1.2]) {
        const bound = sampledDivergence((n) => gaussianDivergence(sigma, 1, n), q, order);
        const tight = gaussianDivergence(sigma, q, order);
        // The series of fractional orders adds magnitudes of terms that alternate, and is not tight.
        if (Number.isInteger(order)) expect(bound).toBeGreaterThan(tight * (1 - 1e-12));
        expect(bound).toBeLessThan(gaussianDivergence(sigma, 1, Math.ceil(order)) * (1 + 1e-12));
      }
    }
  }
  const amplified = sampledDivergence((n) => gaussianDivergence(5, 1, n), 0.01, 2);
  expect(amplified).toBeLessThan(gaussianDivergence(5, 1, 2) / 1000);
});

test('on a fine lattice the discrete mechanisms cost what the Gaussian does', () => {
  const noise = 1.5;
  const l2Sensitivity = 1000;
  const norms = { l2Sensitivity, l1Sensitivity: l2Sensitivity * 10, sampling: 1 };
  const epsilon = (mechanism: PrivacyMechanism): number => rdpEpsilon([{ mechanism, rounds: 20 }], 1e-6);
  const gaussian = epsilon({ kind: 'gaussian', noiseMultiplier: noise, sampling: 1 });
  const central = noise * l2Sensitivity;
  const distributed = epsilon({
    kind: 'discrete-gaussian',
    deviceStddev: central / Math.sqrt(50),
    devices: 50,
    dimension: 100,
    ...norms,
  });
  const skellam = epsilon({ kind: 'skellam', centralVariance: central ** 2, ...norms });
  expect(distributed / gaussian).toBeCloseTo(1, 6);
  expect(skellam).toBeGreaterThanOrEqual(gaussian);
  expect(skellam / gaussian).toBeLessThan(1.02);
});

test('more noise, fewer devices that may be close, or less sampling never cost more', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1, max: 100, noNaN: true }),
      fc.integer({ min: 1, max: 50 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.double({ min: 1, max: 3, noNaN: true }),
      (stddev, devices, sampling, factor) => {
        const norms = { l2Sensitivity: 10, l1Sensitivity: 30 };
        const gaussians = (s: number, q: number): PrivacyMechanism => ({
          kind: 'discrete-gaussian',
          deviceStddev: s,
          devices,
          dimension: 20,
          sampling: q,
          ...norms,
        });
        const skellams = (s: number, q: number): PrivacyMechanism => ({
          kind: 'skellam',
          centralVariance: s ** 2 * devices,
          sampling: q,
          ...norms,
        });
        for (const make of [gaussians, skellams]) {
          const epsilon = (s: number, q: number): number =>
            rdpEpsilon([{ mechanism: make(s, q), rounds: 3 }], 1e-5) * (1 - 1e-9);
          expect(epsilon(stddev * factor, sampling)).toBeLessThanOrEqual(
            epsilon(stddev, sampling) * (1 + 1e-6),
          );
          expect(epsilon(stddev, sampling / factor)).toBeLessThanOrEqual(
            epsilon(stddev, sampling) * (1 + 1e-6),
          );
        }
      },
    ),
    { numRuns: 15, seed: 4 },
  );
});

test.each<[PrivacyMechanism, string]>([
  [
    {
      kind: 'discrete-gaussian',
      deviceStddev: 0.3,
      devices: 5,
      dimension: 1,
      l1Sensitivity: 1,
      l2Sensitivity: 1,
      sampling: 1,
    },
    'invalid-noise',
  ],
  [
    { kind: 'skellam', centralVariance: 4, l1Sensitivity: 1, l2Sensitivity: 2, sampling: 1 },
    'invalid-sensitivity',
  ],
  [
    { kind: 'skellam', centralVariance: -4, l1Sensitivity: 2, l2Sensitivity: 2, sampling: 1 },
    'invalid-noise',
  ],
  [
    {
      kind: 'discrete-gaussian',
      deviceStddev: 3,
      devices: 0,
      dimension: 1,
      l1Sensitivity: 1,
      l2Sensitivity: 1,
      sampling: 1,
    },
    'invalid-sensitivity',
  ],
])('%j is refused as %s', (mechanism, code) => {
  expect(() => rdpEpsilon([{ mechanism, rounds: 1 }], 1e-5)).toThrow(expect.objectContaining({ code }));
});
