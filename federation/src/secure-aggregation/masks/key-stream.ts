import { createCipheriv } from 'node:crypto';

/** The input that makes the output of a cipher in counter mode its key stream. */
const zeros = new Uint8Array(65_536 * 4);

/** The AES-256-CTR key stream (NIST SP 800-38A) of a key of 32 bytes, its counter starting at `firstBlock`. */
export interface KeyStream {
  /** The next `length` bytes, a multiple of 16 and at most 256 KiB. */
  next(length: number): Uint8Array;
}

/** `firstBlock` counts blocks of 16 bytes, below 2^32: a stream can be entered anywhere. */
export function createKeyStream(key: Uint8Array, firstBlock = 0): KeyStream {
  const counter = new Uint8Array(16);
  new DataView(counter.buffer).setUint32(12, firstBlock);
  const cipher = createCipheriv('aes-256-ctr', key, counter);
  return { next: (length) => cipher.update(zeros.subarray(0, length)) };
}
