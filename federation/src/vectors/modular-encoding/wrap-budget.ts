import type { ModularLayout } from './layout.js';
import { rangeSigmas } from './settings.js';

/** How far a rotated sum is from leaving its ring. */
export interface WrapBudget {
  /** Standard deviation that an element of the sum has at most, in steps. */
  readonly stddevSteps: number;
  /** So many of them fit into the ring to either side of 0. */
  readonly sigmas: number;
  /** An element wraps around with at most this probability. */
  readonly elementWraps: number;
  /** Any element of the sum does with at most this probability. */
  readonly anyWraps: number;
}

/**
 * The odds that a rotated sum wraps, when its norm is at most `agreement` of the longest there could be; what the layout
 * was made for where absent. The updates may be anything that does not depend on the rotation's signs. An element of
 * the sum is then the sum of three independent parts, each sub-Gaussian, whose variances add up:
 *
 * - the rotated sum: (agreement · n · C)² / 2^a, over the signs (Kairouz, Liu, Steinke 2021, section 4.2);
 * - stochastic rounding: each of n errors lies in an interval of one step, so 1/4 each (Hoeffding 1963);
 * - the devices' noise: its own variance, n times.
 *
 * P[|element| ≥ z σ] ≤ 2 exp(-z²/2), and the union over all elements. Independent updates, each of full norm, have an
 * agreement of 1/√n: their sums need a ring of log2(√n) bits less than `agreement: 1` makes, which is what smaller
 * agreements save. Whether a sum has kept to it is seen from the sum (`EncodingReport.agreement`, `wrapRate`).
 */
export function wrapBudget(layout: ModularLayout, agreement = agreementOf(layout)): WrapBudget {
  const { encoding, cohort, ringBits, parameterCount, noiseStddevSteps = 0 } = layout;
  const levels = 2 ** (encoding.bits - 1) - 1;
  const sumStddev = (agreement * cohort * levels) / rangeSigmas;
  const stddevSteps = Math.sqrt(sumStddev ** 2 + cohort / 4 + cohort * noiseStddevSteps ** 2);
  const sigmas = 2 ** (ringBits - 1) / stddevSteps;
  const elementWraps = Math.min(1, 2 * Math.exp(-(sigmas ** 2) / 2));
  return { stddevSteps, sigmas, elementWraps, anyWraps: Math.min(1, parameterCount * elementWraps) };
}

/** A sum is never shorter than one update of full norm may be. */
function agreementOf({ encoding, cohort }: ModularLayout): number {
  return encoding.rotation.kind === 'hadamard' ? Math.max(encoding.rotation.agreement, 1 / cohort) : 1;
}
