import { createCipheriv, createHash } from 'node:crypto';
import type { Entropy } from './entropy.js';

/** Entropy that a seed decides, with named streams that do not disturb each other. */
export interface SeededEntropy extends Entropy {
  /**
   * An independent stream, decided by this stream's seed and `label` alone: not by how many bytes were drawn
   * before, so that a new consumer of chance leaves every other one as it was.
   */
  fork(label: string): SeededEntropy;
}

const bufferBytes = 16 * 1024;

/**
 * The AES-256-CTR key stream of SHA-256(seed): the same bytes for the same seed on every machine, however they
 * are split into draws. **Not for secrets**: whoever knows or guesses the seed knows the bytes. It is for
 * simulations, tests, shuffles and stochastic rounding.
 *
 * @example
 * const entropy = createSeededEntropy(42).fork('rounding');
 */
export function createSeededEntropy(seed: number | bigint | string): SeededEntropy {
  if (typeof seed === 'number' && !Number.isSafeInteger(seed)) {
    throw new RangeError(`a numeric seed must be a safe integer, got ${seed}; use a bigint or a string`);
  }
  // 7 and 7n are one seed; the string '7' is another.
  const text = typeof seed === 'string' ? `text:${seed}` : `integer:${seed}`;
  return streamOf(createHash('sha256').update(`starling seeded entropy\0${text}`).digest());
}

function streamOf(key: Uint8Array): SeededEntropy {
  const cipher = createCipheriv('aes-256-ctr', key, new Uint8Array(16));
  const zeros = new Uint8Array(bufferBytes);
  let buffered: Uint8Array = new Uint8Array(0);
  let used = 0;

  return {
    bytes(length) {
      if (!Number.isSafeInteger(length) || length < 0) {
        throw new RangeError(`a length is a non-negative integer, got ${length}`);
      }
      const out = new Uint8Array(length);
      for (let filled = 0; filled < length; ) {
        if (used === buffered.length) {
          buffered = cipher.update(zeros);
          used = 0;
        }
        const taken = Math.min(length - filled, buffered.length - used);
        out.set(buffered.subarray(used, used + taken), filled);
        used += taken;
        filled += taken;
      }
      return out;
    },
    fork(label) {
      return streamOf(createHash('sha256').update(key).update(`\0fork\0${label}`).digest());
    },
  };
}
