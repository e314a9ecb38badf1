import { randomStream } from '@starling/engine';
import { divideEvenly } from '@starling/engine/examples';
import { shuffledIndices } from './draw.js';
import { type Partition, partitionOf } from './partition.js';

/** Every client has a random sample of the whole, all of the same size. */
export function iidPartition(count: number, clients: number, seed: number): Partition {
  return partitionOf(divideEvenly(shuffledIndices(count, randomStream(seed, 0)), clients));
}
