import { type RandomGenerator, randomStream, uniform01 } from '@starling/engine';

/** `size` different clients of `fleet`, ascending, by Floyd's algorithm: memory is that of the sample. */
export function drawClients(fleet: number, size: number, seed: number): Uint32Array {
  if (size >= fleet) return Uint32Array.from({ length: fleet }, (_, client) => client);
  const random = randomStream(seed, 0);
  const chosen = new Set<number>();
  for (let last = fleet - size; last < fleet; last += 1) {
    const drawn = below(random, last + 1);
    chosen.add(chosen.has(drawn) ? last : drawn);
  }
  return Uint32Array.from(chosen).sort();
}

/** A whole number in 0..bound-1. */
export function below(random: RandomGenerator, bound: number): number {
  return Math.floor(uniform01(random) * bound);
}
