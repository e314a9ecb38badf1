/**
 * Rényi divergence of the Poisson-subsampled Gaussian mechanism (Mironov, Talwar, Zhang 2019, "Rényi Differential
 * Privacy of the Sampled Gaussian Mechanism", section 3.3). By their theorem 5 the removal of a participant is the
 * worse of the two directions, so that one divergence bounds both.
 */
import { logAdd } from '../numerics/log-space.js';
import { logNormalCdf } from '../numerics/normal.js';

/** Terms after which an order that has not converged is given up (its divergence counts as infinite). */
const termsMax = 1000;

/** How far below the sum, in nats, a term must be for the rest not to matter. */
const negligible = 30;

/** ε(α) of one round, for α > 1; +Infinity where the series does not converge. */
export function gaussianDivergence(noiseMultiplier: number, sampling: number, order: number): number {
  if (sampling === 1) return order / (2 * noiseMultiplier ** 2);
  const logMoment = Number.isInteger(order)
    ? logMomentOfInteger(noiseMultiplier, sampling, order)
    : logMomentOfFraction(noiseMultiplier, sampling, order);
  return logMoment / (order - 1);
}

/** log A(α) for integer α, equation 3: a binomial sum. */
function logMomentOfInteger(sigma: number, q: number, order: number): number {
  const logQ = Math.log(q);
  const logRest = Math.log1p(-q);
  let logBinomial = 0;
  let sum = Number.NEGATIVE_INFINITY;
  for (let i = 0; i <= order; i += 1) {
    const term = logBinomial + i * logQ + (order - i) * logRest + (i * i - i) / (2 * sigma * sigma);
    sum = logAdd(sum, term);
    logBinomial += Math.log((order - i) / (i + 1));
  }
  return sum;
}

/**
 * log A(α) for fractional α: the integral is cut where both densities weigh the same, and each half expanded in a
 * binomial series. Beyond i = α the coefficients alternate in sign; their magnitudes are added, which is never less.
 */
function logMomentOfFraction(sigma: number, q: number, order: number): number {
  const logQ = Math.log(q);
  const logRest = Math.log1p(-q);
  const variance = sigma * sigma;
  const cut = variance * Math.log(1 / q - 1) + 0.5;
  let logBinomial = 0;
  let sum = Number.NEGATIVE_INFINITY;
  let lastBelow = Number.NEGATIVE_INFINITY;
  let lastAbove = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < termsMax; i += 1) {
    const j = order - i;
    const below =
      logBinomial + i * logQ + j * logRest + (i * i - i) / (2 * variance) + logNormalCdf((cut - i) / sigma);
    const above =
      logBinomial + j * logQ + i * logRest + (j * j - j) / (2 * variance) + logNormalCdf((j - cut) / sigma);
    sum = logAdd(sum, logAdd(below, above));
    if (below < lastBelow && above < lastAbove && Math.max(below, above) < sum - negligible) return sum;
    lastBelow = below;
    lastAbove = above;
    logBinomial += Math.log(Math.abs(j) / (i + 1));
  }
  return Number.POSITIVE_INFINITY;
}
