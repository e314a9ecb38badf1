import { describe, expect, test } from 'vitest';
import { epsilonSpent } from './accountants/index.js';
import { calibrate, calibrateNoise, type PrivacyTarget } from './calibrate.js';

const usual: PrivacyTarget = { epsilon: 8, delta: 1e-5, rounds: 100, sampling: 0.1, accountant: 'rdp' };

describe.each<PrivacyTarget>([
  usual,
  { ...usual, accountant: 'pld' },
  { epsilon: 1, delta: 1e-6, rounds: 10, sampling: 1, accountant: 'rdp' },
  { epsilon: 0.5, delta: 1e-7, rounds: 2000, sampling: 0.01, accountant: 'rdp' },
  { epsilon: 3, delta: 1e-6, rounds: 1, sampling: 1, accountant: 'pld' },
])('calibrated for %j', (target) => {
  test('the noise reaches the target, and a little less does not', () => {
    const { noiseMultiplier, epsilon } = calibrateNoise(target);
    const cost = (noise: number): number =>
      epsilonSpent(
        target.accountant,
        [
          {
            mechanism: { kind: 'gaussian', noiseMultiplier: noise, sampling: target.sampling },
            rounds: target.rounds,
          },
        ],
        target.delta,
      );
    expect(epsilon).toBe(cost(noiseMultiplier));
    expect(epsilon).toBeLessThanOrEqual(target.epsilon);
    expect(cost(noiseMultiplier * (1 - 3e-4))).toBeGreaterThan(target.epsilon);
  });
});

test('PLD needs less noise than RDP for the same promise', () => {
  const rdp = calibrateNoise(usual).noiseMultiplier;
  const pld = calibrateNoise({ ...usual, accountant: 'pld' }).noiseMultiplier;
  expect(pld).toBeLessThan(rdp);
  expect(pld).toBeGreaterThan(rdp * 0.8);
});

test('other mechanisms are calibrated through what a noise multiplier means for them', () => {
  const l2Sensitivity = 500;
  const { noiseMultiplier, epsilon } = calibrate(usual, (noise) => ({
    kind: 'skellam',
    centralVariance: (noise * l2Sensitivity) ** 2,
    l2Sensitivity,
    l1Sensitivity: 5000,
    sampling: usual.sampling,
  }));
  expect(epsilon).toBeLessThanOrEqual(usual.epsilon);
  expect(noiseMultiplier).toBeGreaterThan(calibrateNoise(usual).noiseMultiplier);
});

test('settings that make no sense are told so by name', () => {
  const refused = (changes: Partial<PrivacyTarget>, code: string): void =>
    expect(() => calibrateNoise({ ...usual, ...changes })).toThrow(expect.objectContaining({ code }));
  refused({ epsilon: 0 }, 'invalid-epsilon');
  refused({ epsilon: Number.POSITIVE_INFINITY }, 'invalid-epsilon');
  refused({ delta: 0 }, 'invalid-delta');
  refused({ delta: 1 }, 'invalid-delta');
  refused({ rounds: 0 }, 'invalid-rounds');
  refused({ sampling: 0 }, 'invalid-sampling');
  // RDP at orders up to 1024 cannot prove less than about log(1/δ)/1023.
  refused({ epsilon: 0.001, delta: 1e-6 }, 'unreachable-epsilon');
  expect(calibrateNoise({ ...usual, epsilon: 0.005, rounds: 1, accountant: 'pld' }).epsilon).toBeLessThan(
    0.005,
  );
});

test('budgets that protect nobody come with a warning', () => {
  const codes = (changes: Partial<PrivacyTarget>): string[] =>
    calibrateNoise({ ...usual, ...changes }).warnings.map((warning) => warning.code);
  expect(codes({})).toEqual([]);
  expect(codes({ epsilon: 70_333 })).toEqual(['no-meaningful-privacy', 'little-noise']);
  expect(codes({ delta: 0.01 })).toEqual(['large-delta']);
});
