import type { Entropy } from '../../ports/entropy.js';
import { PrivacyError } from '../errors.js';
import { createPoissonSampler } from './poisson.js';
import { createRandomIntegers } from './random-integers.js';
import { rationalOf } from './rational.js';

/** Standard deviation 2^16: more does not fit the rings of secure aggregation, and the noise stays far within 32 bits. */
const varianceMax = 2 ** 32;

/** Largest mean of one Poisson table (about 10^5 entries); larger means are sums of several draws. */
const tableMeanMax = 2 ** 22;

/**
 * `count` independent Skellam integers of mean 0 and variance `variance`, exactly: the difference of two Poisson
 * integers of mean variance/2 (Agarwal, Kairouz, Liu 2021). Sums of independent Skellam integers are Skellam with
 * the variances' sum, so that the noise of many devices is as good as that of one.
 */
export function sampleSkellam(entropy: Entropy, variance: number, count: number): Int32Array {
  if (!(variance > 0 && variance <= varianceMax)) {
    throw new PrivacyError(
      'invalid-noise',
      `The variance of Skellam noise must lie in (0, 2^32], got ${variance}.`,
      'Choose a coarser lattice for more noise.',
    );
  }
  const { numerator, denominator } = rationalOf(variance);
  const parts = Math.ceil(variance / 2 / tableMeanMax);
  const poisson = createPoissonSampler({ numerator, denominator: 2n * BigInt(parts) * denominator });
  const random = createRandomIntegers(entropy);
  return Int32Array.from({ length: count }, () => {
    let difference = 0;
    for (let part = 0; part < parts; part += 1) difference += poisson(random) - poisson(random);
    return difference;
  });
}
