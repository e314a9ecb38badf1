import { type Entropy, uniform } from '../../ports/entropy.js';
import { PrivacyError } from '../errors.js';

/**
 * Adds independent Gaussian noise of standard deviation `stddev` to every element of `sum`, in place: Box and
 * Muller 1958, in doubles.
 *
 * **Caveat**: doubles are not the real line. Which doubles can come out depends, in the last bits, on the value that
 * was there before, and whoever sees exact outputs can use that (Mironov 2012, "On Significance of the Least
 * Significant Bits"). It is meant for a coordinator that adds noise to a sum of many values and publishes it rounded
 * to 32 bits; where the guarantee must hold to the last bit, use the discrete mechanisms, which are exact.
 */
export function addGaussianNoise(entropy: Entropy, stddev: number, sum: Float64Array | Float32Array): void {
  if (!(stddev >= 0 && Number.isFinite(stddev))) {
    throw new PrivacyError(
      'invalid-noise',
      `The standard deviation of the noise must be a non-negative number, got ${stddev}.`,
      'It is the noise multiplier times the clipping bound.',
    );
  }
  for (let i = 0; i < sum.length; i += 2) {
    // 1 - u lies in (0, 1], so that the logarithm is finite.
    const radius = stddev * Math.sqrt(-2 * Math.log(1 - uniform(entropy)));
    const angle = 2 * Math.PI * uniform(entropy);
    sum[i] += radius * Math.cos(angle);
    if (i + 1 < sum.length) sum[i + 1] += radius * Math.sin(angle);
  }
}

/** One Gaussian number of mean 0 and standard deviation `stddev`; see `addGaussianNoise` for what doubles can leak. */
export function gaussianNoise(entropy: Entropy, stddev: number): number {
  const cell = new Float64Array(1);
  addGaussianNoise(entropy, stddev, cell);
  return cell[0];
}
