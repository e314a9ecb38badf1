import { randomStream } from '@starling/engine';
import { shuffledIndices } from './draw.js';
import { evenBounds, type Partition, partitionOf } from './partition.js';

/** Every client has a random sample of the whole, all of the same size. */
export function iidPartition(count: number, clients: number, seed: number): Partition {
  const order = shuffledIndices(count, randomStream(seed, 0));
  const bounds = evenBounds(count, clients);
  return partitionOf(
    Array.from({ length: clients }, (_, client) => order.subarray(bounds[client], bounds[client + 1])),
  );
}
