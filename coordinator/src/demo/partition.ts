import { createSeededEntropy, shuffle } from '@starling/federation';

/**
 * The split of McMahan et al. 2017 (section 3) that is hard on purpose: examples sorted by label, cut into two shards
 * an agent, two random shards to each. Most agents then see two classes. Gives the example indices of each agent;
 * every example goes to exactly one.
 */
export function splitByShards(labels: Uint8Array, agents: number, seed: number): readonly Uint32Array[] {
  const byLabel = Uint32Array.from(labels.keys()).sort((a, b) => labels[a] - labels[b] || a - b);
  const order = shuffle(
    createSeededEntropy(seed).fork('shards'),
    Array.from({ length: 2 * agents }, (_, index) => index),
  );
  return Array.from({ length: agents }, (_, agent) => {
    const [first, second] = [order[2 * agent], order[2 * agent + 1]].map((shard) =>
      slice(byLabel, shard, 2 * agents),
    );
    return Uint32Array.of(...first, ...second);
  });
}

/** The easy split: every agent has a random sample of the whole. */
export function splitEvenly(count: number, agents: number, seed: number): readonly Uint32Array[] {
  const order = Uint32Array.from(
    shuffle(
      createSeededEntropy(seed).fork('iid'),
      Array.from({ length: count }, (_, index) => index),
    ),
  );
  return Array.from({ length: agents }, (_, agent) => slice(order, agent, agents));
}

/** The `index`th of `parts` parts whose lengths differ by at most one. */
function slice(items: Uint32Array, index: number, parts: number): Uint32Array {
  const bound = (part: number): number => Math.floor((part * items.length) / parts);
  return items.subarray(bound(index), bound(index + 1));
}
