import { SecureAggregationError } from '../errors.js';
import { invert, multiply, prime, reduce, subtract } from './field.js';
import { limbCount, secretOf, shareBytes, unpackShare } from './limbs.js';

/**
 * Lagrange's coefficients at 0 for the x coordinates `points`: with them every secret that the same holders share
 * costs only one multiplication for each share and limb. One inversion for all (Montgomery's trick).
 * Throws `SecureAggregationError` `invalid-shares` when a point repeats or is not in 1..prime-1.
 */
export function lagrangeCoefficients(points: readonly number[]): Float64Array {
  const count = points.length;
  if (new Set(points).size !== count || !points.every((x) => Number.isInteger(x) && x >= 1 && x < prime)) {
    throw new SecureAggregationError(
      'invalid-shares',
      'the x coordinates of shares must be distinct and in the field',
    );
  }
  // λ_i = Π_{j≠i} x_j / (x_j - x_i).
  const numerators = new Float64Array(count).fill(1);
  const denominators = new Float64Array(count).fill(1);
  for (let i = 0; i < count; i += 1) {
    for (let j = 0; j < count; j += 1) {
      if (i === j) continue;
      numerators[i] = multiply(numerators[i], points[j]);
      denominators[i] = multiply(denominators[i], subtract(points[j], points[i]));
    }
  }
  const prefixes = new Float64Array(count + 1);
  prefixes[0] = 1;
  for (let i = 0; i < count; i += 1) prefixes[i + 1] = multiply(prefixes[i], denominators[i]);
  let suffix = invert(prefixes[count]);
  for (let i = count - 1; i >= 0; i -= 1) {
    numerators[i] = multiply(numerators[i], multiply(suffix, prefixes[i]));
    suffix = multiply(suffix, denominators[i]);
  }
  return numerators;
}

/**
 * The secret of 32 bytes whose `shares` are those of the holders that `coefficients` were computed for, in their order.
 * Undefined when they are not shares of one secret of 32 bytes (a wrong share is found out this way most of the time,
 * but not surely).
 */
export function combineShares(
  shares: readonly Uint8Array[],
  coefficients: Float64Array,
): Uint8Array | undefined {
  if (shares.length !== coefficients.length || shares.some((share) => share.length !== shareBytes)) {
    throw new SecureAggregationError(
      'invalid-shares',
      `expected ${coefficients.length} shares of ${shareBytes} bytes each`,
    );
  }
  const limbs = new Float64Array(limbCount);
  for (let i = 0; i < shares.length; i += 1) {
    const values = unpackShare(shares[i], 0);
    for (let limb = 0; limb < limbCount; limb += 1) {
      limbs[limb] = reduce(limbs[limb] + reduce(values[limb] * coefficients[i]));
    }
  }
  return secretOf(limbs);
}
