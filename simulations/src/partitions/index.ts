export { dirichletLabelPartition, dirichletQuantityPartition } from './dirichlet.js';
export { iidPartition } from './iid.js';
export { naturalPartition } from './natural.js';
export { clientIndices, type Partition, partitionOf } from './partition.js';
export { shardPartition } from './shards.js';
