import type { Entropy } from '../../ports/entropy.js';
import { PrivacyError } from '../errors.js';
import { bernoulliExp } from './bernoulli.js';
import { discreteLaplace } from './discrete-laplace.js';
import { createRandomIntegers, type RandomIntegers } from './random-integers.js';
import { rationalOf, squared } from './rational.js';

/** Above this the noise could leave 32 bits; below, that has probability less than exp(-2^12). */
const stddevMax = 2 ** 24;

/**
 * `count` independent integers with P(y) proportional to exp(-y²/(2σ²)), σ = `stddev`, exactly: rejection from
 * discrete Laplace with rational arithmetic only (Canonne, Kamath, Steinke 2020, algorithm 3). A σ of few binary
 * digits, such as those of `deviceNoise`, is fastest. The time it takes depends on what was drawn.
 */
export function sampleDiscreteGaussian(entropy: Entropy, stddev: number, count: number): Int32Array {
  if (!(stddev > 0 && stddev <= stddevMax)) {
    throw new PrivacyError(
      'invalid-noise',
      `The σ of a discrete Gaussian must lie in (0, 2^24], got ${stddev}.`,
      'Choose a coarser lattice for more noise.',
    );
  }
  const random = createRandomIntegers(entropy);
  const draw = discreteGaussian(random, stddev);
  return Int32Array.from({ length: count }, draw);
}

function discreteGaussian(random: RandomIntegers, stddev: number): () => number {
  const { numerator: n, denominator: d } = squared(rationalOf(stddev));
  const scale = Math.floor(stddev) + 1;
  // (|y| - σ²/t)² / (2σ²) = (|y|·t·d - n)² / (2·n·d·t²), for σ² = n/d and t = scale.
  const scaleByD = BigInt(scale) * d;
  const exponentDenominator = 2n * n * d * BigInt(scale) ** 2n;
  return () => {
    for (;;) {
      const y = discreteLaplace(random, scale);
      const difference = BigInt(Math.abs(y)) * scaleByD - n;
      if (bernoulliExp(random, difference * difference, exponentDenominator)) return y;
    }
  };
}
