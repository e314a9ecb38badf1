import { type Partition, partitionOf } from './partition.js';

/** One client for each value of a column, such as who wrote or which machine recorded, in order of first appearance. */
export function naturalPartition(groups: Int32Array): Partition {
  const parts = new Map<number, number[]>();
  for (let index = 0; index < groups.length; index += 1) {
    const part = parts.get(groups[index]);
    if (part === undefined) parts.set(groups[index], [index]);
    else part.push(index);
  }
  return partitionOf([...parts.values()]);
}
