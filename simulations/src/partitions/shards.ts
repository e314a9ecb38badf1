import { randomStream } from '@starling/engine';
import { divideByShards } from '@starling/engine/examples';
import { shuffledIndices } from './draw.js';
import { type Partition, partitionOf } from './partition.js';

/** Examples sorted by label, some random shards of them to each client (McMahan et al. 2017, section 3). */
export function shardPartition(
  labels: Int32Array,
  clients: number,
  shardsPerClient: number,
  seed: number,
): Partition {
  const order = shuffledIndices(clients * shardsPerClient, randomStream(seed, 0));
  return partitionOf(divideByShards(labels, order, shardsPerClient));
}
