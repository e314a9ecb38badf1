import { SecureAggregationError } from '../errors.js';

/**
 * How elements of Z_2^bits lie in bytes: the vertical layout of SIMD-BP128 (Lemire and Boytsov 2015). A block holds 128
 * elements in `bits` vectors of 16 bytes. A vector is four little-endian words of 32 bits, or eight of 16 bits for rings
 * of at most 16 bits; each word belongs to a lane. Word `j` of a lane is the `j`-th part of the lane's own bit string, in
 * which the lane's elements follow each other, `bits` bits each, least significant first. Element `i` of the block is
 * number ⌊i / lanes⌋ of lane i mod lanes. One shift serves all lanes, and nothing is wasted but the end of the last block.
 *
 * A key stream read in the same layout is a vector of uniform elements: a mask costs exactly the bits of the ring.
 */
export const blockElements = 128;

/** The rings there are: Z_2^bits. */
export const ringBitsMaximum = 32;

/** Throws `SecureAggregationError` `invalid-setting` when there is no such ring. */
export function checkRingBits(bits: number): void {
  if (!Number.isInteger(bits) || bits < 1 || bits > ringBitsMaximum) {
    throw new SecureAggregationError(
      'invalid-setting',
      `a ring has 1..${ringBitsMaximum} bits, got ${bits}; encode with fewer bits or a smaller cohort`,
    );
  }
}

/** Words of this width, in bits, make up the vectors of a ring. */
export function wordBits(bits: number): 16 | 32 {
  return bits <= 16 ? 16 : 32;
}

/** Bytes of one packed block. */
export function blockBytes(bits: number): number {
  return 16 * bits;
}

/** Bytes of `elements` packed elements: whole blocks. */
export function packedLength(elements: number, bits: number): number {
  checkRingBits(bits);
  return Math.ceil(elements / blockElements) * blockBytes(bits);
}

/** The largest element: 2^bits - 1. */
export function largestElement(bits: number): number {
  return 2 ** bits - 1;
}
