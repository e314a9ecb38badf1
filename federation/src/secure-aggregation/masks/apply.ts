import { SecureAggregationError } from '../errors.js';
import { blockElements, kernelElements, kernelFor, packedLength, type RingKernel } from '../ring/index.js';
import { createKeyStream } from './key-stream.js';

/** One mask: the whole key stream of a key, read as elements of the ring. */
export interface Mask {
  /** 32 bytes; used for nothing else. */
  readonly key: Uint8Array;
  readonly sign: 'add' | 'subtract';
}

/**
 * `vector` plus or minus all `masks` in Z_2^bits, packed for the wire. The elements are in 0..2^bits-1; their bits above
 * are dropped. Works in pieces that stay in the cache, every mask on a piece before the next.
 */
export function maskAndPack(vector: Uint32Array, masks: readonly Mask[], bits: number): Uint8Array {
  const packed = new Uint8Array(packedLength(vector.length, bits));
  forEachPiece(vector, masks, bits, 0, (kernel, from, to) => {
    kernel.pack(packed.subarray(packedLength(from, bits), packedLength(to, bits)));
  });
  return packed;
}

/**
 * Adds or subtracts all `masks` in place. `firstElement`, a multiple of 128, says where `vector` begins in the masked
 * vector, so that ranges of it can be worked on by several threads.
 */
export function applyMasks(
  vector: Uint32Array,
  masks: readonly Mask[],
  bits: number,
  firstElement = 0,
): void {
  if (firstElement % blockElements !== 0) {
    throw new SecureAggregationError(
      'invalid-setting',
      `masks can be entered at multiples of ${blockElements} elements, not at ${firstElement}`,
    );
  }
  forEachPiece(vector, masks, bits, firstElement, (kernel, from, to) => {
    kernel.store(vector.subarray(from, to));
  });
}

/** Adds a packed vector, such as `maskAndPack` gives, to `sum` in Z_2^bits. */
export function addPacked(sum: Uint32Array, packed: Uint8Array, bits: number): void {
  const kernel = kernelFor(bits);
  if (packed.length !== packedLength(sum.length, bits)) {
    throw new SecureAggregationError(
      'wrong-length',
      `${sum.length} elements of ${bits} bits are ${packedLength(sum.length, bits)} bytes, got ${packed.length}`,
    );
  }
  for (let from = 0; from < sum.length; from += kernelElements) {
    const to = Math.min(sum.length, from + kernelElements);
    kernel.load(sum.subarray(from, to));
    kernel.add(packed.subarray(packedLength(from, bits), packedLength(to, bits)));
    kernel.store(sum.subarray(from, to));
  }
}

function forEachPiece(
  vector: Uint32Array,
  masks: readonly Mask[],
  bits: number,
  firstElement: number,
  finish: (kernel: RingKernel, from: number, to: number) => void,
): void {
  const kernel = kernelFor(bits);
  // A block of elements takes as many AES blocks as the ring has bits.
  const firstBlock = (firstElement / blockElements) * bits;
  const streams = masks.map(({ key, sign }) => ({ stream: createKeyStream(key, firstBlock), sign }));
  for (let from = 0; from < vector.length; from += kernelElements) {
    const to = Math.min(vector.length, from + kernelElements);
    const length = packedLength(to - from, bits);
    kernel.load(vector.subarray(from, to));
    for (const { stream, sign } of streams) {
      const bytes = stream.next(length);
      if (sign === 'add') kernel.add(bytes);
      else kernel.subtract(bytes);
    }
    finish(kernel, from, to);
  }
}
