import { expect, test } from 'vitest';
import type { GaussianMechanism } from '../mechanism.js';
import { epsilonSpent } from './accountant.js';
import { divergencesOf, rdpEpsilon } from './rdp.js';
import { rdpOrders } from './rdp-orders.js';

const fixedSize = (noiseMultiplier: number, sampling: number): GaussianMechanism => ({
  kind: 'gaussian',
  noiseMultiplier,
  sampling,
  scheme: 'fixed-size',
});

/**
 * By Google's dp-accounting: `SampledWithoutReplacementDpEvent(N, m, GaussianDpEvent(z / 2))` under `REPLACE_ONE`, δ = 1e-6.
 * Of its orders only integer ones are the best here.
 */
test.each([
  { share: 0.01, noise: 4, rounds: 200, epsilon: 0.7102267995674723, at512: 59.38717419169208 },
  { share: 0.01, noise: 2, rounds: 200, epsilon: 2.0798828979538984, at512: 251.38717419169208 },
  { share: 0.1, noise: 6, rounds: 50, epsilon: 2.467569374028606, at512: 26.138709766494557 },
  { share: 0.1, noise: 8, rounds: 20, epsilon: 1.0589935542390223, at512: 13.694265322050251 },
])('a share of $share, noise $noise, $rounds rounds', ({ share, noise, rounds, epsilon, at512 }) => {
  const mechanism = fixedSize(noise, share);
  const found = rdpEpsilon([{ mechanism, rounds }], 1e-6);
  expect(Math.abs(found / epsilon - 1)).toBeLessThan(1e-3);
  // Never more than with everybody in the cohort, which is less than the bound at this order.
  const everybody = 512 / (2 * noise ** 2);
  expect(divergencesOf(mechanism)[rdpOrders.indexOf(512)]).toBeCloseTo(Math.min(everybody, at512), 9);
});

test('it costs more than Poisson sampling, less than everybody, and nothing is amplified at a share of 1', () => {
  const at = (mechanism: GaussianMechanism) => rdpEpsilon([{ mechanism, rounds: 100 }], 1e-6);
  const poisson = at({ kind: 'gaussian', noiseMultiplier: 4, sampling: 0.02 });
  const everybody = at({ kind: 'gaussian', noiseMultiplier: 4, sampling: 1 });
  expect(at(fixedSize(4, 0.02))).toBeGreaterThan(poisson);
  expect(at(fixedSize(4, 0.02))).toBeLessThan(everybody);
  expect(at(fixedSize(4, 1))).toBe(everybody);
});

test('noise of devices is amplified too, by the looser theorem', () => {
  const norms = { l2Sensitivity: 500, l1Sensitivity: 20_000, sampling: 0.02, scheme: 'fixed-size' } as const;
  const gaussian = rdpEpsilon([{ mechanism: fixedSize(4, 0.02), rounds: 100 }], 1e-6);
  const skellam = { kind: 'skellam', centralVariance: 2000 ** 2, ...norms } as const;
  const discrete = {
    kind: 'discrete-gaussian',
    deviceStddev: 200,
    devices: 100,
    dimension: 5000,
    ...norms,
  } as const;
  for (const mechanism of [skellam, discrete]) {
    const ratio = rdpEpsilon([{ mechanism, rounds: 100 }], 1e-6) / gaussian;
    expect(ratio).toBeGreaterThan(1 - 1e-9);
    expect(ratio).toBeLessThan(1.3);
  }
});

test('the accountant of privacy loss distributions says that it cannot', () => {
  expect(() => epsilonSpent('pld', [{ mechanism: fixedSize(4, 0.1), rounds: 1 }], 1e-6)).toThrow(
    expect.objectContaining({ code: 'unsupported-mechanism' }),
  );
});
