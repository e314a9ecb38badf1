/**
 * The privacy loss of one round on a grid: a discrete distribution that is never better for privacy than the true
 * one (algorithm 1 of Doroshenko et al. 2022, "Connect the Dots"). Its hockey-stick divergence equals the true one
 * at every point of the grid.
 */
import { logNormalCdf, normalCdf } from '../numerics/normal.js';

/** A distribution over multiples of `step`, for one direction of neighbours. */
export interface PrivacyLoss {
  readonly step: number;
  /** Loss of the first probability, in steps. */
  readonly lowest: number;
  readonly probabilities: Float64Array;
  /** Probability of an unbounded loss. */
  readonly infinite: number;
}

/** Losses when a participant is taken out of the fleet, and when one is put in. */
export interface PrivacyLossPair {
  readonly remove: PrivacyLoss;
  readonly add: PrivacyLoss;
}

/** Standard deviations of noise kept on either side; what lies beyond has probability 1e-23 and counts as unbounded. */
const tailDeviations = 10;

/** The losses, in natural units, between which all but a negligible probability lies, both ways. */
export function gaussianLossRange(noiseMultiplier: number, sampling: number): [number, number] {
  const reach = tailDeviations / noiseMultiplier + 0.5 / noiseMultiplier ** 2;
  return [sampledLoss(-reach, sampling), sampledLoss(reach, sampling)];
}

/** Discretizes the Poisson-subsampled Gaussian mechanism. */
export function gaussianPrivacyLoss(
  noiseMultiplier: number,
  sampling: number,
  step: number,
): PrivacyLossPair {
  const [least, most] = gaussianLossRange(noiseMultiplier, sampling);
  const lowest = Math.floor(least / step);
  const count = Math.ceil(most / step) - lowest + 1;
  // At ε = (lowest + i)·step, in the direction `remove`: above[i] = E[(P - e^ε·Q)₊], below[i] = E[(e^ε·Q - P)₊].
  const above = new Float64Array(count);
  const below = new Float64Array(count);
  // The direction `add` exchanges P and Q: E[(Q - e^-ε·P)₊] = e^-ε·E[(e^ε·Q - P)₊], at -ε, so from the other end.
  const addAbove = new Float64Array(count);
  const addBelow = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    const mirror = count - 1 - i;
    const epsilon = (lowest + i) * step;
    const loss = unsampledLoss(epsilon, sampling);
    if (loss === Number.NEGATIVE_INFINITY) {
      above[i] = -Math.expm1(epsilon);
      addBelow[mirror] = Math.expm1(-epsilon);
      continue;
    }
    const stick = sampling * gaussianHockeyStick(noiseMultiplier, loss);
    const mirrorStick = sampling * gaussianHockeyStick(noiseMultiplier, -loss);
    above[i] = stick;
    below[i] = Math.exp(loss) * mirrorStick;
    addAbove[mirror] = Math.exp(loss - epsilon) * mirrorStick;
    addBelow[mirror] = Math.exp(-epsilon) * stick;
  }
  return {
    remove: connectDots(above, below, lowest, step),
    add: connectDots(addAbove, addBelow, -(lowest + count - 1), step),
  };
}

/** E[(P - e^ε·Q)₊] of the Gaussian mechanism without sampling (theorem 8 of Balle and Wang 2018). */
export function gaussianHockeyStick(noiseMultiplier: number, epsilon: number): number {
  const shift = 0.5 / noiseMultiplier;
  const distance = epsilon * noiseMultiplier;
  return Math.max(0, normalCdf(shift - distance) - Math.exp(epsilon + logNormalCdf(-shift - distance)));
}

/** Loss with sampling, from the loss without: log(1 - q + q·e^loss). */
function sampledLoss(loss: number, q: number): number {
  if (q === 1) return loss;
  return loss > 1 ? loss + Math.log(q + (1 - q) * Math.exp(-loss)) : Math.log1p(q * Math.expm1(loss));
}

/** Undoes `sampledLoss`; -Infinity for what sampling makes impossible. */
function unsampledLoss(loss: number, q: number): number {
  if (q === 1) return loss;
  if (loss > 1) return loss - Math.log(q) + Math.log1p(-(1 - q) * Math.exp(-loss));
  const ratio = Math.expm1(loss) / q;
  return ratio <= -1 ? Number.NEGATIVE_INFINITY : Math.log1p(ratio);
}

/**
 * Probabilities from hockey sticks. The mass at an inner point is a second difference that 1 and e^ε do not change,
 * and `above - below = 1 - e^ε`; so each tail is taken from the side where numbers are small and lose no digits.
 */
function connectDots(above: Float64Array, below: Float64Array, lowest: number, step: number): PrivacyLoss {
  const last = above.length - 1;
  const growth = Math.exp(step);
  const excess = Math.expm1(step);
  const probabilities = new Float64Array(above.length);
  for (let i = 1; i < last; i += 1) {
    const side = below[i] < above[i] ? below : above;
    const mass = (side[i + 1] - side[i] - growth * (side[i] - side[i - 1])) / excess;
    probabilities[i] = Math.max(0, mass);
  }
  probabilities[0] = Math.max(0, (below[1] - below[0]) / excess - below[0]);
  probabilities[last] = Math.max(0, (above[last - 1] - above[last]) / -Math.expm1(-step));
  return { step, lowest, probabilities, infinite: above[last] };
}
