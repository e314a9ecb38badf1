import type { Entropy } from '../../ports/index.js';
import { SecureAggregationError } from '../errors.js';
import { prime, reduce } from './field.js';
import { limbCount, limbsOf, packShare, secretBytes, shareBytes } from './limbs.js';

/**
 * Shamir's sharing (1979) of `secret`, 32 bytes, among holders whose distinct x coordinates are `points`, integers in
 * 1..prime-1: `threshold` of the shares give the secret back, fewer say nothing of it. Gives one share of `shareBytes`
 * for each point, in order. Throws `SecureAggregationError` `invalid-shares` for impossible settings.
 */
export function splitSecret(
  secret: Uint8Array,
  threshold: number,
  points: readonly number[],
  entropy: Entropy,
): Uint8Array[] {
  if (secret.length !== secretBytes) {
    throw new SecureAggregationError(
      'wrong-length',
      `a secret is ${secretBytes} bytes, got ${secret.length}`,
    );
  }
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > points.length) {
    throw new SecureAggregationError(
      'invalid-shares',
      `a threshold of ${threshold} cannot be reached with ${points.length} shares`,
    );
  }
  // `coefficients[power · limbCount + limb]`, the secret's limbs at power 0.
  const coefficients = randomElements(threshold * limbCount, entropy);
  coefficients.set(limbsOf(secret));
  const values = new Float64Array(limbCount);
  return points.map((point) => {
    evaluate(coefficients, threshold, point, values);
    const share = new Uint8Array(shareBytes);
    packShare(values, share, 0);
    return share;
  });
}

/** Horner's rule for all limbs at once, into `values`. */
function evaluate(coefficients: Float64Array, threshold: number, point: number, values: Float64Array): void {
  values.set(coefficients.subarray((threshold - 1) * limbCount));
  for (let power = threshold - 2; power >= 0; power -= 1) {
    const at = power * limbCount;
    for (let limb = 0; limb < limbCount; limb += 1) {
      values[limb] = reduce(values[limb] * point + coefficients[at + limb]);
    }
  }
}

/** `count` field elements, each uniform: 26 random bits, drawn again in the 5 of 2^26 cases beyond the prime. */
function randomElements(count: number, entropy: Entropy): Float64Array {
  const elements = new Float64Array(count);
  let filled = 0;
  while (filled < count) {
    const bytes = entropy.bytes(4 * (count - filled));
    for (let i = 0; i < bytes.length; i += 4) {
      const drawn = bytes[i] + bytes[i + 1] * 2 ** 8 + bytes[i + 2] * 2 ** 16 + (bytes[i + 3] & 3) * 2 ** 24;
      if (drawn < prime) {
        elements[filled] = drawn;
        filled += 1;
      }
    }
  }
  return elements;
}
