import { createSeededEntropy, type SeededEntropy } from '../../ports/index.js';

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
  };
}

/** Rotates `vector`, `[length]`, in place. */
export function rotate(vector: Float32Array, { length, span, firstSigns, lastSigns }: Rotation): void {
  const first = vector.subarray(0, span);
  flip(first, firstSigns);
  transform(first);
  if (span === length) return;
  const last = vector.subarray(length - span);
  flip(last, lastSigns);
  transform(last);
}

/** Undoes `rotate`, in place. */
export function rotateBack(vector: Float32Array, { length, span, firstSigns, lastSigns }: Rotation): void {
  if (span !== length) {
    const last = vector.subarray(length - span);
    transform(last);
    flip(last, lastSigns);
  }
  const first = vector.subarray(0, span);
  transform(first);
  flip(first, firstSigns);
}

function flip(vector: Float32Array, signs: Uint8Array): void {
  for (let i = 0; i < vector.length; i += 1) {
    vector[i] *= 1 - 2 * ((signs[i >> 3] >> (i & 7)) & 1);
  }
}

/** Elements whose butterflies are all done before going on: 32 KiB, a first-level cache. */
const cachedElements = 8_192;

/** The orthonormal Walsh-Hadamard transform, in place; its own inverse. The length is a power of two. */
export function transform(vector: Float32Array): void {
  const length = vector.length;
  const block = Math.min(length, cachedElements);
  for (let start = 0; start < length; start += block) butterflies(vector, start, start + block, 1, block);
  butterflies(vector, 0, length, block, length);
  const scale = 1 / Math.sqrt(length);
  for (let i = 0; i < length; i += 1) vector[i] *= scale;
}

/** Butterflies of all distances in `from..below-1`, powers of two, two of them in one pass. */
function butterflies(vector: Float32Array, start: number, end: number, from: number, below: number): void {
  let distance = from;
  for (; 4 * distance <= below; distance *= 4) {
    for (let group = start; group < end; group += 4 * distance) {
      for (let i = group; i < group + distance; i += 1) {
        const a = vector[i];
        const b = vector[i + distance];
        const c = vector[i + 2 * distance];
        const d = vector[i + 3 * distance];
        vector[i] = a + b + (c + d);
        vector[i + distance] = a - b + (c - d);
        vector[i + 2 * distance] = a + b - (c + d);
        vector[i + 3 * distance] = a - b - (c - d);
      }
    }
  }
  if (distance >= below) return;
  for (let group = start; group < end; group += 2 * distance) {
    for (let i = group; i < group + distance; i += 1) {
      const a = vector[i];
      const b = vector[i + distance];
      vector[i] = a + b;
      vector[i + distance] = a - b;
    }
  }
}
