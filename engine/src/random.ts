/** Real numbers from pure-rand's generators; the same seed gives the same bits everywhere. */
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

export type { RandomGenerator };

/**
 * A generator for one purpose of one seed. Streams with different purposes are unrelated, so that a draw more
 * in one never shifts another.
 */
export function randomStream(seed: number, purpose: number): RandomGenerator {
  // Mixed, since xoroshiro's own seeding is linear in the seed.
  const high = Math.floor(seed / 2 ** 32);
  return xoroshiro128plus(mix32(mix32(seed ^ mix32(high)) ^ Math.imul(purpose + 1, 0x9e3779b9)));
}

/** A bijection of 32-bit integers in which every bit of the input moves every bit of the output (lowbias32). */
export function mix32(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}

/** Uniform in [0, 1), 32 bits of it. */
export function uniform01(random: RandomGenerator): number {
  return (random.next() >>> 0) / 2 ** 32;
}

/** Standard normal numbers by Marsaglia's polar method, two from each accepted pair. */
export function standardNormal(random: RandomGenerator): () => number {
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    for (;;) {
      const x = 2 * uniform01(random) - 1;
      const y = 2 * uniform01(random) - 1;
      const squares = x * x + y * y;
      if (squares > 0 && squares < 1) {
        const scale = Math.sqrt((-2 * Math.log(squares)) / squares);
        spare = y * scale;
        return x * scale;
      }
    }
  };
}
