import { PrivacyError } from '../errors.js';

/** Largest norms of an integer vector. */
export interface LatticeNorms {
  readonly l2: number;
  readonly l1: number;
}

/**
 * The norms that a vector of L2 norm at most `l2Bound` (in lattice steps) can have after stochastic rounding of its
 * `dimension` coordinates, when the device rounds anew until the bound holds: each try exceeds it with probability
 * at most `bias`, which is also how much the estimate can be biased (Kairouz, Liu, Steinke 2021, theorem 1). With
 * `bias` 0 the first rounding always holds.
 */
export function roundedNorms(l2Bound: number, dimension: number, bias: number): LatticeNorms {
  if (!(l2Bound > 0 && Number.isFinite(l2Bound)) || !Number.isSafeInteger(dimension) || dimension < 1) {
    throw new PrivacyError(
      'invalid-sensitivity',
      `A norm bound is positive and a dimension a positive integer, got ${l2Bound} and ${dimension}.`,
      'Give the clipping bound in lattice steps and the length of the vector.',
    );
  }
  if (!(bias >= 0 && bias < 1)) {
    throw new PrivacyError(
      'invalid-sensitivity',
      `\`bias\` lies in [0, 1), got ${bias}.`,
      'exp(-0.5) is usual.',
    );
  }
  const root = Math.sqrt(dimension);
  const always = l2Bound + root;
  const likely = Math.sqrt(
    l2Bound ** 2 + dimension / 4 + Math.sqrt(2 * Math.log(1 / bias)) * (l2Bound + root / 2),
  );
  const l2 = bias === 0 ? always : Math.min(always, likely);
  // Of integers: |x| ≤ x², so that ‖x‖₁ ≤ ‖x‖₂².
  return { l2, l1: Math.max(l2, l2 * Math.min(root, l2)) };
}
