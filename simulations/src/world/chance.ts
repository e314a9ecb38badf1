import { mix32 } from '@starling/engine';

/** Draws of the simulated world: quick, and decided by a seed. Nothing secret comes from it. */
export interface Chance {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform in 0..bound-1. */
  integer(bound: number): number;
  happens(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** An independent stream, decided by this stream's seed and the label alone. */
  fork(label: string): Chance;
}

export function createChance(seed: number): Chance {
  let counter = 0;
  const next = (): number => {
    counter += 1;
    return mix32(seed ^ mix32(Math.imul(counter, 0x9e3779b9))) >>> 0;
  };
  const chance: Chance = {
    uniform: () => next() / 2 ** 32,
    integer: (bound) => Math.floor((next() / 2 ** 32) * bound),
    happens: (probability) => probability > 0 && next() / 2 ** 32 < probability,
    pick: (items) => items[Math.floor((next() / 2 ** 32) * items.length)],
    fork(label) {
      let state = mix32(seed + 0x5eed);
      for (let i = 0; i < label.length; i += 1) state = mix32(Math.imul(state, 31) ^ label.charCodeAt(i));
      return createChance(state);
    },
  };
  return chance;
}
