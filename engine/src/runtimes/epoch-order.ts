/** In which order a training takes its examples, and the seeds of its dropout masks. */
import { mix32, randomStream, uniform01 } from '../random.js';

/** Purposes of a training's random streams; epochs come from `shuffle` on. */
const purposes = { dropout: 0, shuffle: 1 } as const;

/** Order of the examples in every epoch, by Fisher and Yates from one seed. */
export class EpochOrder {
  readonly #indices: Uint32Array;
  readonly #seed: number;
  #epoch = -1;

  constructor(count: number, seed: number) {
    this.#indices = new Uint32Array(count);
    this.#seed = seed;
  }

  /** The order of an epoch; valid until another epoch is asked for. */
  at(epoch: number): Uint32Array {
    if (epoch !== this.#epoch) {
      const indices = this.#indices;
      const random = randomStream(this.#seed, purposes.shuffle + epoch);
      for (let index = 0; index < indices.length; index++) indices[index] = index;
      for (let last = indices.length - 1; last > 0; last--) {
        const chosen = Math.floor(uniform01(random) * (last + 1));
        const kept = indices[last];
        indices[last] = indices[chosen];
        indices[chosen] = kept;
      }
      this.#epoch = epoch;
    }
    return this.#indices;
  }
}

/** The seed of a step's dropout masks. */
export function dropoutSeed(seed: number, step: number): number {
  return mix32(randomStream(seed, purposes.dropout).next() ^ mix32(step));
}
