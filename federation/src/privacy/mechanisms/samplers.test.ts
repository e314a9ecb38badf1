import { expect, test } from 'vitest';
import { createSeededEntropy } from '../../ports/index.js';
import { bernoulli, bernoulliExp, bernoulliExpOfOne, bernoulliExpSmall } from './bernoulli.js';
import { sampleDiscreteGaussian } from './discrete-gaussian.js';
import { discreteLaplace } from './discrete-laplace.js';
import { addGaussianNoise, gaussianNoise } from './gaussian.js';
import { createPoissonSampler } from './poisson.js';
import { poissonWeights } from './poisson-weights.js';
import { createRandomIntegers } from './random-integers.js';
import { rationalOf, squared } from './rational.js';
import { sampleSkellam } from './skellam.js';

/** Probability of each integer; what is missing from 1 lies elsewhere. */
type Probabilities = ReadonlyMap<number, number>;

/**
 * Pearson's test with a cell for every value that is expected at least 10 times, and one for the rest. Gives how many
 * standard deviations χ² lies above its mean, in Wilson and Hilferty's approximation: above 4 has probability 3e-5.
 */
function chiSquareDeviations(samples: ArrayLike<number>, probabilities: Probabilities): number {
  const counts = new Map<number, number>();
  for (let i = 0; i < samples.length; i += 1) counts.set(samples[i], (counts.get(samples[i]) ?? 0) + 1);
  let restExpected = samples.length;
  let restCount = samples.length;
  let statistic = 0;
  let cells = 0;
  for (const [value, probability] of probabilities) {
    const expected = probability * samples.length;
    if (expected < 10) continue;
    const count = counts.get(value) ?? 0;
    statistic += (count - expected) ** 2 / expected;
    restExpected -= expected;
    restCount -= count;
    cells += 1;
  }
  if (restExpected > 5) statistic += (restCount - restExpected) ** 2 / restExpected;
  const freedom = restExpected > 5 ? cells : cells - 1;
  expect(freedom).toBeGreaterThan(0);
  const spread = 2 / (9 * freedom);
  return (Math.cbrt(statistic / freedom) - (1 - spread)) / Math.sqrt(spread);
}

function discreteGaussianProbabilities(stddev: number): Probabilities {
  const reach = Math.ceil(12 * stddev) + 2;
  const weights = new Map<number, number>();
  let total = 0;
  for (let y = -reach; y <= reach; y += 1) {
    const weight = Math.exp(-(y * y) / (2 * stddev * stddev));
    weights.set(y, weight);
    total += weight;
  }
  return new Map([...weights].map(([y, weight]) => [y, weight / total]));
}

function poissonProbabilities(mean: number): number[] {
  const logs = [-mean];
  for (let k = 1; k < mean + 12 * Math.sqrt(mean) + 40; k += 1) logs.push(logs[k - 1] + Math.log(mean / k));
  return logs.map(Math.exp);
}

function skellamProbabilities(variance: number): Probabilities {
  const poisson = poissonProbabilities(variance / 2);
  const probabilities = new Map<number, number>();
  // Far from its mean a Poisson integer has no probability that a sample of this size could show.
  const least = Math.max(0, Math.floor(variance / 2 - 12 * Math.sqrt(variance / 2)));
  for (let y = 0; y < poisson.length - least; y += 1) {
    let probability = 0;
    for (let k = least; k + y < poisson.length; k += 1) probability += poisson[k + y] * poisson[k];
    probabilities.set(y, probability);
    probabilities.set(-y, probability);
  }
  return probabilities;
}

const count = 200_000;

test.each([0.3, 0.8, 1, 2.5, 5.765625, Math.PI, 40, 300])(
  'discrete Gaussians of σ = %d follow exact probabilities',
  (stddev) => {
    const samples = sampleDiscreteGaussian(createSeededEntropy(`discrete Gaussian ${stddev}`), stddev, count);
    expect(chiSquareDeviations(samples, discreteGaussianProbabilities(stddev))).toBeLessThan(4);
  },
);

test.each([0.2, 1, 3.7, 50, 1000.5, 40_000])(
  'Skellam integers of variance %d follow exact probabilities',
  (variance) => {
    const samples = sampleSkellam(createSeededEntropy(`Skellam ${variance}`), variance, count);
    expect(chiSquareDeviations(samples, skellamProbabilities(variance))).toBeLessThan(4);
  },
);

test('the test itself tells σ = 40 from σ = 41, and a missing sign from a fair one', () => {
  const samples = sampleDiscreteGaussian(createSeededEntropy('discrete Gaussian 40'), 41, count);
  expect(chiSquareDeviations(samples, discreteGaussianProbabilities(40))).toBeGreaterThan(4);
  const positive = sampleSkellam(createSeededEntropy('Skellam 50'), 50, count).map(Math.abs);
  expect(chiSquareDeviations(positive, skellamProbabilities(50))).toBeGreaterThan(4);
});

test('Skellam noise above one table is summed from several, with the right variance', () => {
  const variance = 2 ** 25;
  const samples = sampleSkellam(createSeededEntropy('large'), variance, 20_000);
  let squares = 0;
  for (const sample of samples) squares += sample ** 2;
  // The standard deviation of the estimate is √(2/n) = 1 %.
  expect(Math.abs(squares / samples.length / variance - 1)).toBeLessThan(0.04);
});

test.each([1, 3, 17])('discrete Laplace integers of scale %d follow exact probabilities', (scale) => {
  const random = createRandomIntegers(createSeededEntropy(`Laplace ${scale}`));
  const samples = Array.from({ length: count }, () => discreteLaplace(random, scale));
  const atZero = Math.tanh(1 / (2 * scale));
  const probabilities = new Map<number, number>();
  for (let y = -20 * scale; y <= 20 * scale; y += 1)
    probabilities.set(y, atZero * Math.exp(-Math.abs(y) / scale));
  expect(chiSquareDeviations(samples, probabilities)).toBeLessThan(4);
});

test('coins land as often as they should', () => {
  const random = createRandomIntegers(createSeededEntropy('coins'));
  const cases: [() => boolean, number][] = [
    [() => bernoulli(random, 1n, 3n), 1 / 3],
    [() => bernoulli(random, 0n, 7n), 0],
    [() => bernoulli(random, 7n, 7n), 1],
    [() => bernoulli(random, 10n ** 30n, 3n * 10n ** 30n), 1 / 3],
    [() => bernoulliExp(random, 0n, 5n), 1],
    [() => bernoulliExp(random, 5n, 10n), Math.exp(-0.5)],
    [() => bernoulliExp(random, 31n, 10n), Math.exp(-3.1)],
    [() => bernoulliExpSmall(random, 2, 9), Math.exp(-2 / 9)],
    [() => bernoulliExpOfOne(random), Math.exp(-1)],
  ];
  for (const [flip, probability] of cases) {
    let heads = 0;
    for (let i = 0; i < 50_000; i += 1) heads += flip() ? 1 : 0;
    const deviation = Math.sqrt(50_000 * probability * (1 - probability));
    expect(Math.abs(heads - 50_000 * probability)).toBeLessThanOrEqual(4.5 * deviation);
  }
});

test('a Poisson sampler of very few bits refines what they leave open, and stays exact', () => {
  for (const mean of [0.4, 6.5, 90]) {
    // With 10 bits most comparisons are open at first, so that tables are computed anew.
    const sampler = createPoissonSampler(rationalOf(mean), 10);
    const random = createRandomIntegers(createSeededEntropy(`few bits ${mean}`));
    const samples = Array.from({ length: 20_000 }, () => sampler(random));
    const probabilities = new Map(poissonProbabilities(mean).map((probability, k) => [k, probability]));
    expect(chiSquareDeviations(samples, probabilities)).toBeLessThan(4);
  }
});

test('bounds of Poisson weights hold the true distribution function between them', () => {
  for (const mean of [0.3, 4, 33.25, 1000]) {
    const { lowest, cumulative, total, slack } = poissonWeights(rationalOf(mean), 40);
    let sum = 0;
    const exact = poissonProbabilities(mean);
    for (let k = 0; k < lowest; k += 1) sum += exact[k];
    for (let i = 0; i < cumulative.length && lowest + i < exact.length; i += 1) {
      sum += exact[lowest + i];
      expect(Number(cumulative[i]) / Number(total + slack)).toBeLessThan(sum + 1e-11);
      expect(Number(cumulative[i] + slack) / Number(total)).toBeGreaterThan(sum - 1e-11);
    }
    expect(Number(slack) / Number(total)).toBeLessThan(1e-5);
  }
});

test('fractions are the doubles they come from', () => {
  for (const value of [0, 1, 0.1, 5.25, 2 ** 60, Math.PI]) {
    const { numerator, denominator } = rationalOf(value);
    // Both fit a double, and the denominator is a power of two: this division is exact.
    expect(Number(numerator) / Number(denominator)).toBe(value);
  }
  expect(rationalOf(0.1)).toEqual({ numerator: 3602879701896397n, denominator: 2n ** 55n });
  expect(squared(rationalOf(1.5))).toEqual({ numerator: 9n, denominator: 4n });
  expect(() => rationalOf(Number.NaN)).toThrow(RangeError);
});

test('Gaussian noise has the moments and the shares of a Gaussian, also in the last of an odd number', () => {
  const sum = new Float64Array(100_001);
  addGaussianNoise(createSeededEntropy('Gaussian'), 3, sum);
  expect(sum[100_000]).not.toBe(0);
  let square = 0;
  let fourth = 0;
  let withinOne = 0;
  for (const value of sum) {
    square += (value / 3) ** 2;
    fourth += (value / 3) ** 4;
    withinOne += Math.abs(value) < 3 ? 1 : 0;
  }
  const tolerance = 4.5 / Math.sqrt(sum.length);
  expect(Math.abs(square / sum.length - 1)).toBeLessThan(tolerance * Math.SQRT2);
  expect(Math.abs(fourth / sum.length - 3)).toBeLessThan(tolerance * Math.sqrt(96));
  expect(Math.abs(withinOne / sum.length - 0.6826894921)).toBeLessThan(tolerance * 0.466);
  expect(gaussianNoise(createSeededEntropy('one'), 0)).toBe(0);
});

test.each([
  () => sampleDiscreteGaussian(createSeededEntropy(1), 0, 1),
  () => sampleDiscreteGaussian(createSeededEntropy(1), Number.NaN, 1),
  () => sampleDiscreteGaussian(createSeededEntropy(1), 2 ** 25, 1),
  () => sampleSkellam(createSeededEntropy(1), -1, 1),
  () => sampleSkellam(createSeededEntropy(1), 2 ** 33, 1),
  () => addGaussianNoise(createSeededEntropy(1), Number.NaN, new Float64Array(1)),
])('noise that makes no sense is refused', (draw) => {
  expect(draw).toThrow(expect.objectContaining({ code: 'invalid-noise' }));
});
