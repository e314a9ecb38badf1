/**
 * The Rényi accountant: divergences of rounds add up, order by order, and turn into (ε, δ) at the end. Quick, works
 * for every mechanism, a little loose.
 */
import {
  checkDelta,
  checkMechanism,
  checkRounds,
  type PrivacyMechanism,
  type PrivateRounds,
} from '../mechanism.js';
import { discreteGaussianDivergence, skellamDivergence } from './rdp-discrete.js';
import { fixedSizeDivergence, gaussianCentralMoment } from './rdp-fixed-size.js';
import { gaussianDivergence } from './rdp-gaussian.js';
import { rdpOrders } from './rdp-orders.js';
import { sampledDivergence } from './rdp-subsampling.js';

/** ε(α) of one round at each of `rdpOrders`. */
export function divergencesOf(mechanism: PrivacyMechanism): Float64Array {
  checkMechanism(mechanism);
  if (mechanism.scheme === 'fixed-size' && mechanism.sampling < 1) return fixedSizeDivergences(mechanism);
  return Float64Array.from(rdpOrders, (order) => divergenceAt(mechanism, order));
}

function fixedSizeDivergences(mechanism: PrivacyMechanism): Float64Array {
  const everybody = { ...mechanism, sampling: 1 };
  const twice = withTwiceTheNorm(everybody);
  const swapped = {
    divergence: (order: number) => divergenceAt(twice, order),
    ...(twice.kind === 'gaussian' && { logCentralMoment: gaussianCentralMoment(twice.noiseMultiplier) }),
  };
  return Float64Array.from(rdpOrders, (order) =>
    fixedSizeDivergence(swapped, divergenceAt(everybody, order), mechanism.sampling, order),
  );
}

function divergenceAt(mechanism: PrivacyMechanism, order: number): number {
  switch (mechanism.kind) {
    case 'gaussian':
      return gaussianDivergence(mechanism.noiseMultiplier, mechanism.sampling, order);
    case 'discrete-gaussian':
      // The bound holds at every order, so that fractional ones need no chord.
      if (mechanism.sampling === 1) return discreteGaussianDivergence(mechanism, order);
      return sampledDivergence((n) => discreteGaussianDivergence(mechanism, n), mechanism.sampling, order);
    case 'skellam':
      return sampledDivergence((n) => skellamDivergence(mechanism, n), mechanism.sampling, order);
  }
}

function withTwiceTheNorm(mechanism: PrivacyMechanism): PrivacyMechanism {
  if (mechanism.kind === 'gaussian') {
    return { ...mechanism, noiseMultiplier: mechanism.noiseMultiplier / 2 };
  }
  const { l1Sensitivity, l2Sensitivity } = mechanism;
  return { ...mechanism, l1Sensitivity: 2 * l1Sensitivity, l2Sensitivity: 2 * l2Sensitivity };
}

/**
 * The least ε that this accountant can prove for all of `spent` together, at `delta`; 0 when nothing was spent.
 *
 * @example
 * rdpEpsilon([{ mechanism: { kind: 'gaussian', noiseMultiplier: 1.1, sampling: 0.01 }, rounds: 2000 }], 1e-5); // 2.38
 */
export function rdpEpsilon(spent: readonly PrivateRounds[], delta: number): number {
  checkDelta(delta);
  const total = new Float64Array(rdpOrders.length);
  for (const { mechanism, rounds } of spent) {
    checkRounds(rounds);
    const divergences = divergencesOf(mechanism);
    for (let i = 0; i < total.length; i += 1) total[i] += rounds * divergences[i];
  }
  return epsilonOfDivergences(total, delta);
}

/**
 * (ε, δ) from divergences at `rdpOrders`: proposition 12 of Canonne, Kamath, Steinke 2020, also equation 20 of Balle
 * et al. 2020; and ε = 0 where δ ≥ √(1 - exp(-ε(α))), which bounds the total variation.
 */
export function epsilonOfDivergences(divergences: ArrayLike<number>, delta: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rdpOrders.length; i += 1) {
    const order = rdpOrders[i];
    const divergence = divergences[i];
    const epsilon =
      delta ** 2 + Math.expm1(-divergence) >= 0
        ? 0
        : divergence + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1);
    least = Math.min(least, epsilon);
  }
  return Math.max(0, least);
}
