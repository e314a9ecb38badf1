import { randomStream } from '@starling/engine';
import { dirichletShares, shuffledIndices, shuffleInPlace } from './draw.js';
import { type Partition, partitionOf } from './partition.js';

/**
 * Label skew after Hsu et al. 2019 ("Measuring the Effects of Non-Identical Data Distribution…") in the form of Yurochkin
 * et al. 2019: of each class, clients get shares drawn from a Dirichlet distribution. Small `alpha`: few clients have most of
 * a class. Every client ends with at least `minimum` examples, taken from those who have most.
 */
export function dirichletLabelPartition(
  labels: Int32Array,
  clients: number,
  alpha: number,
  minimum: number,
  seed: number,
): Partition {
  const classes = labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  const parts = Array.from({ length: clients }, (): number[] => []);
  for (let label = 0; label < classes; label += 1) {
    const members: number[] = [];
    for (let index = 0; index < labels.length; index += 1) if (labels[index] === label) members.push(index);
    shuffleInPlace(members, randomStream(seed, 2 * label));
    deal(members, dirichletShares(clients, alpha, seed + 0x1000 * (label + 1)), parts);
  }
  return partitionOf(topUp(parts, minimum));
}

/** Quantity skew: every client sees all classes alike, but how many examples it has is drawn from a Dirichlet distribution. */
export function dirichletQuantityPartition(
  count: number,
  clients: number,
  alpha: number,
  minimum: number,
  seed: number,
): Partition {
  const parts = Array.from({ length: clients }, (): number[] => []);
  deal(
    [...shuffledIndices(count, randomStream(seed, 0))],
    dirichletShares(clients, alpha, seed + 0x1000),
    parts,
  );
  return partitionOf(topUp(parts, minimum));
}

/** Cuts `items` at the cumulated shares. */
function deal(items: readonly number[], shares: Float64Array, parts: readonly number[][]): void {
  let cumulated = 0;
  let from = 0;
  for (const [client, part] of parts.entries()) {
    cumulated += shares[client];
    const to = client === parts.length - 1 ? items.length : Math.round(cumulated * items.length);
    for (let at = from; at < to; at += 1) part.push(items[at]);
    from = Math.max(from, to);
  }
}

/** Moves single examples from the largest part to those below the minimum. */
function topUp(parts: readonly number[][], minimum: number): readonly number[][] {
  for (const part of parts) {
    while (part.length < minimum) {
      const largest = parts.reduce((most, other) => (other.length > most.length ? other : most));
      const moved = largest.length > minimum ? largest.pop() : undefined;
      if (moved === undefined) return parts;
      part.push(moved);
    }
  }
  return parts;
}
