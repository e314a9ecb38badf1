import { divideByShards, divideEvenly } from '@starling/engine/examples';
import { createSeededEntropy, shuffle } from '@starling/federation';

/** Two random shards to each agent: most then see two classes. Gives the example indices of each. */
export function splitByShards(labels: Uint8Array, agents: number, seed: number): readonly Uint32Array[] {
  return divideByShards(labels, shuffled(2 * agents, seed, 'shards'), 2);
}

/** The easy split: every agent has a random sample of the whole. */
export function splitEvenly(count: number, agents: number, seed: number): readonly Uint32Array[] {
  return divideEvenly(shuffled(count, seed, 'iid'), agents);
}

function shuffled(count: number, seed: number, label: string): Uint32Array {
  const order = Array.from({ length: count }, (_, index) => index);
  return Uint32Array.from(shuffle(createSeededEntropy(seed).fork(label), order));
}
