import { createSeededEntropy, type SeededEntropy } from '../../ports/index.js';
import { hadamard } from './hadamard.js';

/**
 * A random rotation that spreads a vector's energy evenly over its elements, so that a few bits for each suffice: random
 * signs and a Walsh-Hadamard transform (Ailon and Chazelle 2009; for updates Suresh et al. 2017, section 3). A transform
 * needs a power of two; instead of padding, which could double the upload, one is done over the first 2^a elements and
 * one, with other signs, over the last 2^a, where 2^a is the largest power not above the length. Both are orthogonal,
 * so norms stay, and the inverse undoes them in reverse.
 *
 * Each element of a rotated vector of norm C is sub-Gaussian with σ = C/√(2^a), whatever the vector, as long as the
 * signs do not depend on it.
 */
export interface Rotation {
  readonly length: number;
  /** 2^a. */
  readonly span: number;
  /** One bit an element of each span: set means negative. */
  readonly firstSigns: Uint8Array;
  readonly lastSigns: Uint8Array;
  /** All clear. */
  readonly noSigns: Uint8Array;
}

/** The largest power of two that is at most `length`, which is at least 1. */
export function rotationSpan(length: number): number {
  return 2 ** Math.floor(Math.log2(length));
}

/** The rotation that `seed` decides; it is public, and the same for all devices of a round. */
export function createRotation(length: number, seed: Uint8Array): Rotation {
  const span = rotationSpan(length);
  const entropy: SeededEntropy = createSeededEntropy(`rotation ${Buffer.from(seed).toString('hex')}`);
  const bytes = Math.ceil(span / 8);
  return {
    length,
    span,
    firstSigns: entropy.fork('first').bytes(bytes),
    lastSigns: entropy.fork('last').bytes(bytes),
    noSigns: new Uint8Array(bytes),
  };
}

/** Rotates `vector`, `[length]`, in place. */
export function rotate(
  vector: Float32Array,
  { length, span, firstSigns, lastSigns, noSigns }: Rotation,
): void {
  hadamard(vector.subarray(0, span), firstSigns, noSigns);
  if (span !== length) hadamard(vector.subarray(length - span), lastSigns, noSigns);
}

/** Undoes `rotate`, in place. */
export function rotateBack(
  vector: Float32Array,
  { length, span, firstSigns, lastSigns, noSigns }: Rotation,
): void {
  if (span !== length) hadamard(vector.subarray(length - span), noSigns, lastSigns);
  hadamard(vector.subarray(0, span), noSigns, firstSigns);
}
