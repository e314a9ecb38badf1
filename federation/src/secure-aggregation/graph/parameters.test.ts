import { expect, test } from 'vitest';
import { upperQuantile } from './hypergeometric.js';
import { graphParameters, securityThreshold } from './parameters.js';
import { defaultGraphRequirements, type GraphRequirements } from './requirements.js';

function requirements(corruptFraction: number, dropoutFraction: number): GraphRequirements {
  return { corruptFraction, dropoutFraction, securityBits: 40, correctnessBits: 20 };
}

/**
 * What the graph parameter finder of Google's federated-compute, another reading of Bell et al. 2020, gives for a
 * semi-malicious server at σ = 40, η = 20: devices, γ, δ, degree, threshold.
 */
const published: readonly [number, number, number, number, number][] = [
  [100, 0.05, 0.33, 72, 39],
  [1_000, 0.05, 0.33, 398, 223],
  [10_000, 0.05, 0.33, 746, 420],
  [1_000_000, 0.05, 0.33, 970, 545],
  [1_000, 0.3, 0.3, 872, 584],
  [1_000, 0.33, 0.05, 132, 109],
  [10_000, 0.33, 0.05, 178, 146],
];

test.each(published)(
  '%i devices, γ = %f, δ = %f: degree %i, threshold %i',
  (devices, gamma, delta, degree, t) => {
    expect(graphParameters(devices, requirements(gamma, delta))).toEqual({ degree, threshold: t });
  },
);

test('small cohorts form complete graphs whose bounds are certain', () => {
  for (let devices = 2; devices < 32; devices += 1) {
    const { degree, threshold } = graphParameters(devices, defaultGraphRequirements);
    const corrupt = Math.floor(0.1 * devices + 1e-9);
    const dropouts = Math.floor(0.2 * devices + 1e-9);
    expect(degree).toBe(devices - 1);
    // Colluding neighbours give a share of either secret, the others of one.
    expect(2 * threshold).toBeGreaterThan(degree + corrupt);
    expect(2 * (threshold - 1)).toBeLessThanOrEqual(degree + corrupt);
    expect(degree - dropouts).toBeGreaterThanOrEqual(threshold);
  }
});

test('more colluding, more dropouts and more security never need fewer neighbours', () => {
  const degreeOf = (changes: Partial<GraphRequirements>): number =>
    graphParameters(800, { ...defaultGraphRequirements, ...changes }).degree;
  const base = degreeOf({});
  expect(base).toBeLessThan(799);
  expect(degreeOf({ corruptFraction: 0.15 })).toBeGreaterThan(base);
  expect(degreeOf({ dropoutFraction: 0.25 })).toBeGreaterThan(base);
  expect(degreeOf({ securityBits: 80 })).toBeGreaterThan(base);
  expect(degreeOf({ correctnessBits: 40 })).toBeGreaterThan(base);
});

test('a threshold one lower than the bound has a tail above 2^-41 for 1 of the devices', () => {
  const devices = 500;
  const degree = 154;
  const threshold = securityThreshold(devices, degree, defaultGraphRequirements);
  const allowed = 2 ** -41 / devices;
  const neighbours = { population: devices - 1, marked: 50, drawn: degree };
  expect(2 * threshold - degree).toBeGreaterThanOrEqual(upperQuantile(neighbours, allowed));
  expect(2 * (threshold - 1) - degree).toBeLessThan(upperQuantile(neighbours, allowed));
});

test('the quantile is that of the distribution, counted out by hand', () => {
  // 5 of 10 drawn, 4 marked: P[X = 4] = 6/252, P[X >= 3] = 66/252.
  const distribution = { population: 10, marked: 4, drawn: 5 };
  expect(upperQuantile(distribution, 5 / 252)).toBe(5);
  expect(upperQuantile(distribution, 6.001 / 252)).toBe(4);
  expect(upperQuantile(distribution, 66.001 / 252)).toBe(3);
  expect(upperQuantile(distribution, 1)).toBe(0);
});

test('what no graph withstands is refused with the reason', () => {
  expect(() => graphParameters(20, requirements(0.4, 0.4))).toThrow(
    /8 may collude, 14 neighbours must answer/,
  );
  expect(() => graphParameters(1, defaultGraphRequirements)).toThrow(/hides nothing/);
  expect(() => graphParameters(10, requirements(-0.1, 0.1))).toThrow(/corruptFraction must be in \[0, 1\)/);
  expect(() => graphParameters(10, { ...defaultGraphRequirements, securityBits: 0 })).toThrow(/securityBits/);
});
