/** Rényi divergences of the mechanisms on integer vectors, when everyone takes part. Lengths are in lattice steps. */
import type { DiscreteGaussianMechanism, SkellamMechanism } from '../mechanism.js';

/**
 * ε(α) of a sum of discrete Gaussians, for α > 1: proposition 14 of Kairouz, Liu, Steinke 2021 ("The Distributed
 * Discrete Gaussian Mechanism"); for one device the αΔ²/(2σ²) of Canonne, Kamath, Steinke 2020, theorem 4.
 */
export function discreteGaussianDivergence(mechanism: DiscreteGaussianMechanism, order: number): number {
  const { deviceStddev, devices, l1Sensitivity, l2Sensitivity, dimension } = mechanism;
  const centralStddev = deviceStddev * Math.sqrt(devices);
  const l2 = l2Sensitivity / centralStddev;
  const l1 = l1Sensitivity / centralStddev;
  const tau = sumGap(deviceStddev, devices);
  return Math.min(
    (order / 2) * l2 ** 2 + tau * dimension,
    (order / 2) * (l2 ** 2 + 2 * l1 * tau + tau ** 2 * dimension),
    (order / 2) * (l2 + Math.sqrt(dimension) * tau) ** 2,
  );
}

/** τ: how far the sum of `devices` discrete Gaussians can be from one discrete Gaussian, a coordinate. */
function sumGap(deviceStddev: number, devices: number): number {
  let sum = 0;
  for (let k = 1; k < devices; k += 1) {
    sum += Math.exp(-2 * (Math.PI * deviceStddev) ** 2 * (k / (k + 1)));
  }
  return 10 * sum;
}

/** ε(α) of Skellam noise, for integer α > 1 (Agarwal, Kairouz, Liu 2021, "The Skellam Mechanism"). */
export function skellamDivergence(mechanism: SkellamMechanism, order: number): number {
  const { centralVariance, l1Sensitivity, l2Sensitivity } = mechanism;
  const l2Squared = l2Sensitivity ** 2;
  return (
    (order * l2Squared) / (2 * centralVariance) +
    Math.min(
      ((2 * order - 1) * l2Squared + 6 * l1Sensitivity) / (4 * centralVariance ** 2),
      (3 * l1Sensitivity) / (2 * centralVariance),
    )
  );
}
