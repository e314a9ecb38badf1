import { randomStream } from '@starling/engine';
import { shuffledIndices } from './draw.js';
import { evenBounds, type Partition, partitionOf } from './partition.js';

/**
 * The split of McMahan et al. 2017 (section 3) that is hard on purpose: examples sorted by label, cut into shards, some
 * random shards to each client. With two shards, most clients see two classes.
 */
export function shardPartition(
  labels: Int32Array,
  clients: number,
  shardsPerClient: number,
  seed: number,
): Partition {
  const byLabel = Uint32Array.from(labels.keys()).sort((a, b) => labels[a] - labels[b] || a - b);
  const order = shuffledIndices(clients * shardsPerClient, randomStream(seed, 0));
  const bounds = evenBounds(labels.length, order.length);
  return partitionOf(
    Array.from({ length: clients }, (_, client) => {
      const shards = order.subarray(client * shardsPerClient, (client + 1) * shardsPerClient);
      return [...shards].flatMap((shard) => [...byLabel.subarray(bounds[shard], bounds[shard + 1])]);
    }),
  );
}
