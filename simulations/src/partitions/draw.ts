/** Draws that partitions need, from engine's streams. */
import { type RandomGenerator, randomStream, standardNormal, uniform01 } from '@starling/engine';

/** 0 to `count - 1` in an order that the generator decides (Fisher and Yates). */
export function shuffledIndices(count: number, random: RandomGenerator): Uint32Array {
  return shuffleInPlace(
    Uint32Array.from({ length: count }, (_, index) => index),
    random,
  );
}

export function shuffleInPlace<T extends Uint32Array | number[]>(items: T, random: RandomGenerator): T {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const chosen = Math.floor(uniform01(random) * (last + 1));
    const kept = items[last];
    items[last] = items[chosen];
    items[chosen] = kept;
  }
  return items;
}

/** Gamma(shape, 1) by Marsaglia and Tsang 2000; below shape 1 by their boost. */
export function gammaDraw(shape: number, random: RandomGenerator, normal: () => number): number {
  if (shape < 1) {
    const boost = (1 - uniform01(random)) ** (1 / shape);
    return gammaDraw(shape + 1, random, normal) * boost;
  }
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    const u = 1 - uniform01(random);
    if (Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Shares that add up to 1, from a symmetric Dirichlet distribution of concentration `alpha`. */
export function dirichletShares(parts: number, alpha: number, seed: number): Float64Array {
  const random = randomStream(seed, 0);
  const normal = standardNormal(randomStream(seed, 1));
  const shares = Float64Array.from({ length: parts }, () => gammaDraw(alpha, random, normal));
  const total = shares.reduce((sum, share) => sum + share, 0);
  // All gammas of a tiny alpha can underflow; then one part has everything.
  if (!(total > 0)) return shares.fill(0).map((_, part) => (part === 0 ? 1 : 0));
  return shares.map((share) => share / total);
}
