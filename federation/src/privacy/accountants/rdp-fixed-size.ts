/**
 * Amplification by sampling a cohort of fixed size without replacement, whose size everybody may know: Wang, Balle,
 * Kasiviswanathan 2019 ("Subsampled Rényi Differential Privacy and Analytical Moments Accountant").
 */
import { logAdd } from '../numerics/log-space.js';
import { betweenIntegers, type IntegerDivergence } from './rdp-subsampling.js';

/** What is known of a mechanism when one contribution is another's: a device moves the sum by up to twice its bound. */
export interface SwappedMechanism {
  readonly divergence: IntegerDivergence;
  /** log E[(L - 1)^l] for even l, L the likelihood ratio; absent where it is not known. */
  readonly logCentralMoment?: (even: number) => number;
}

/**
 * ε(α) at any α > 1, for cohorts that are a share of at most `share` of those they are drawn from: theorem 9, and with
 * central moments theorem 27. `without`, at the same order, is what it costs when everybody is in the cohort; no sampling
 * costs more.
 */
export function fixedSizeDivergence(
  swapped: SwappedMechanism,
  without: number,
  share: number,
  order: number,
): number {
  return Math.min(
    without,
    betweenIntegers((integer) => amplified(swapped, share, integer), order),
  );
}

/** Orders above are for small ε, where the moments gain nothing. */
const momentOrderMax = 64;

function amplified({ divergence, logCentralMoment }: SwappedMechanism, share: number, order: number): number {
  const logShare = Math.log(share);
  const second = divergence(2);
  // min{4·(e^ε(2) - 1), 2·e^ε(2)}, the first without cancellation where ε(2) is small.
  const atTwo = Math.min(Math.log(4) + second + Math.log(-Math.expm1(-second)), Math.log(2) + second);
  let logBinomial = Math.log(order);
  let sum = 0;
  for (let j = 2; j <= order; j += 1) {
    logBinomial += Math.log((order - j + 1) / j);
    let term = j === 2 ? atTwo : Math.log(2) + (j - 1) * divergence(j);
    if (j > 2 && order <= momentOrderMax && logCentralMoment !== undefined) {
      const moments = logCentralMoment(2 * Math.floor(j / 2)) + logCentralMoment(2 * Math.ceil(j / 2));
      term = Math.min(term, Math.log(4) + moments / 2);
    }
    sum = logAdd(sum, logBinomial + j * logShare + term);
  }
  return sum / (order - 1);
}

/** How far from a Gaussian's mean the integral reaches, in standard deviations: beyond is less than 1e-40 of it. */
const reach = 14;
const points = 4096;

/**
 * log E[(L - 1)^l], l even, of two Gaussians whose means are 1/`noiseMultiplier` standard deviations apart: by the
 * trapezoidal rule, whose terms are all positive. Gives the same function for the same noise, as it remembers.
 */
export function gaussianCentralMoment(noiseMultiplier: number): (even: number) => number {
  const known = new Map<number, number>();
  const distance = 1 / noiseMultiplier;
  return (even) => {
    const before = known.get(even);
    if (before !== undefined) return before;
    const from = -reach;
    const step = (even * distance + 2 * reach) / points;
    let sum = Number.NEGATIVE_INFINITY;
    for (let i = 0; i <= points; i += 1) {
      const t = from + i * step;
      const logRatio = t * distance - distance ** 2 / 2;
      const logDifference =
        logRatio > 0 ? logRatio + Math.log(-Math.expm1(-logRatio)) : Math.log(-Math.expm1(logRatio));
      sum = logAdd(sum, even * logDifference - (t * t) / 2);
    }
    const moment = sum + Math.log(step) - Math.log(2 * Math.PI) / 2;
    known.set(even, moment);
    return moment;
  };
}
