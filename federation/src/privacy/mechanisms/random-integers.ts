import type { Entropy } from '../../ports/entropy.js';

/** Exact uniform integers, drawn from entropy in blocks: the samplers below need very many. */
export interface RandomIntegers {
  /** Uniform over 0..2^32-1. */
  word(): number;
  /** Uniform over 0..bound-1, for an integer `bound` in 1..2^32. */
  below(bound: number): number;
  /** Uniform over 0..2^48-1. */
  word48(): number;
}

const blockBytes = 8192;

/** Wraps `entropy`; bytes of a block that are left over are never used for anything else. */
export function createRandomIntegers(entropy: Entropy): RandomIntegers {
  let block: DataView = new DataView(new ArrayBuffer(0));
  let position = 0;

  const word = (): number => {
    if (position === block.byteLength) {
      const bytes = entropy.bytes(blockBytes);
      block = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      position = 0;
    }
    const drawn = block.getUint32(position, true);
    position += 4;
    return drawn;
  };

  return {
    word,
    below(bound) {
      const acceptedBelow = 2 ** 32 - (2 ** 32 % bound);
      for (;;) {
        const drawn = word();
        if (drawn < acceptedBelow) return drawn % bound;
      }
    },
    word48: () => (word() >>> 16) * 2 ** 32 + word(),
  };
}
