/** Who holds which examples. */
import { sharedIndices } from '../data/examples.js';

/** Client `i` holds the examples `indices[offsets[i]..offsets[i + 1] - 1]`; both arrays are shared memory. */
export interface Partition {
  readonly clients: number;
  /** `[clients + 1]`. */
  readonly offsets: Uint32Array;
  /** `[offsets[clients]]`. */
  readonly indices: Uint32Array;
}

export function partitionOf(parts: readonly ArrayLike<number>[]): Partition {
  const offsets = sharedIndices(parts.length + 1);
  for (const [client, part] of parts.entries()) offsets[client + 1] = offsets[client] + part.length;
  const indices = sharedIndices(offsets[parts.length]);
  for (const [client, part] of parts.entries()) indices.set(part, offsets[client]);
  return { clients: parts.length, offsets, indices };
}

/** The examples of one client. */
export function clientIndices({ offsets, indices }: Partition, client: number): Uint32Array {
  return indices.subarray(offsets[client], offsets[client + 1]);
}
