import { VectorError } from './errors.js';

// Typed arrays are used as the wire form itself; on a big-endian machine that would be silently wrong.
if (new Uint8Array(Uint32Array.of(1).buffer)[0] !== 1) {
  throw new Error('Starling runs on little-endian machines only; this one is big-endian');
}

/** The vector's memory as little-endian bytes: a view, nothing is copied. */
export function float32Bytes(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
}

/**
 * A checkpoint `[parameterCount]` from its stored form, little-endian f32 in manifest order. A view where the bytes'
 * alignment allows it, else a copy. Throws `VectorError` `wrong-length` or `not-finite`.
 */
export function float32FromBytes(bytes: Uint8Array, parameterCount: number): Float32Array {
  if (bytes.byteLength !== 4 * parameterCount) {
    throw new VectorError(
      'wrong-length',
      `${parameterCount} parameters are ${4 * parameterCount} bytes of f32, got ${bytes.byteLength}`,
    );
  }
  const aligned = alignedToWords(bytes);
  const vector = new Float32Array(aligned.buffer, aligned.byteOffset, parameterCount);
  checkFinite(vector);
  return vector;
}

/** The same bytes where a view of 4-byte elements may begin: themselves, or a copy. */
export function alignedToWords(bytes: Uint8Array): Uint8Array {
  // Not `slice`: a Buffer's shares its memory.
  return bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
}

/** Throws `VectorError` `not-finite` with the index of the first element that is NaN or infinite. */
export function checkFinite(vector: Float32Array, from = 0, to = vector.length, base = 0): void {
  const at = firstNotFinite(vector, from, to);
  if (at !== -1) {
    throw new VectorError('not-finite', `element ${base + at} is ${vector[at]}`, base + at);
  }
}

/** Index of the first NaN or infinite element in `from..to-1`, or -1. */
export function firstNotFinite(vector: Float32Array, from = 0, to = vector.length): number {
  // x·0 is 0 for every finite x and NaN otherwise: one sum, no branch, tells of the whole range.
  let zeros = 0;
  for (let i = from; i < to; i += 1) zeros += vector[i] * 0;
  if (zeros === 0) return -1;
  for (let i = from; i < to; i += 1) {
    if (!Number.isFinite(vector[i])) return i;
  }
  return -1;
}
