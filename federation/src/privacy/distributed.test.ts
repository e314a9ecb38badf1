import { expect, test } from 'vitest';
import { createSeededEntropy } from '../ports/index.js';
import { epsilonSpent } from './accountants/index.js';
import { calibrate } from './calibrate.js';
import { addDistributedNoise, planDistributedNoise } from './distributed.js';

const lattice = { clipSteps: 2000, dimension: 5000 };
const cohort = { devices: 30, toleratedDropouts: 6, colluding: 4 };

test.each(['skellam', 'discrete-gaussian'] as const)(
  '%s noise of those who are left has the deviation that was paid for',
  (kind) => {
    const { deviceStddev, mechanism } = planDistributedNoise(kind, 1.5, lattice, cohort, 1);
    const entropy = createSeededEntropy(`distributed ${kind}`);
    const sum = new Int32Array(lattice.dimension);
    const left = cohort.devices - cohort.toleratedDropouts - cohort.colluding;
    for (let device = 0; device < left; device += 1)
      addDistributedNoise(entropy, { mechanism: kind, noiseStddevSteps: deviceStddev }, sum);
    const variance = sum.reduce((total, value) => total + value * value, 0) / sum.length;
    const wanted = (1.5 * mechanism.l2Sensitivity) ** 2;
    expect(left * deviceStddev ** 2).toBeGreaterThanOrEqual(wanted);
    // Five standard errors of a variance of as many numbers.
    expect(Math.abs(variance / (left * deviceStddev ** 2) - 1)).toBeLessThan(5 * Math.sqrt(2 / sum.length));
  },
);

test('on a fine lattice distributed noise costs hardly more than central noise', () => {
  const fine = { clipSteps: 2 ** 14, dimension: 8192 };
  const target = { epsilon: 8, delta: 1e-5, rounds: 15, sampling: 1, accountant: 'rdp' } as const;
  const mechanismOf = (noise: number) =>
    planDistributedNoise('skellam', noise, fine, { devices: 30, toleratedDropouts: 6, colluding: 0 }, 1)
      .mechanism;
  const { noiseMultiplier } = calibrate(target, mechanismOf);
  const central = epsilonSpent(
    'rdp',
    [{ mechanism: { kind: 'gaussian', noiseMultiplier, sampling: 1 }, rounds: 15 }],
    1e-5,
  );
  expect(central).toBeGreaterThan(7.8);
});

test('where nobody is left to add noise, none is promised', () => {
  const nobody = { devices: 4, toleratedDropouts: 3, colluding: 1 };
  expect(() => planDistributedNoise('skellam', 1, lattice, nobody, 1)).toThrow(
    expect.objectContaining({ code: 'invalid-cohort' }),
  );
});
