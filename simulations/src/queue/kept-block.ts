/** Clients' kept vectors on their way to a worker and back. */
import type { KeptVectors } from '../execution/kept-vectors.js';
import type { KeptBlock } from './work.js';

/** What clients kept before `round`. */
export function readKept(kept: KeptVectors, clients: readonly number[], round: number): KeptBlock {
  const size = kept.vectors.reduce((sum, { length }) => sum + length, 0);
  const block: KeptBlock = {
    has: new Uint8Array(clients.length),
    vectors: new Float32Array(clients.length * size),
  };
  for (const [at, client] of clients.entries()) {
    block.has[at] = kept.load(client, round) ? 1 : 0;
    let offset = at * size;
    for (const vector of kept.vectors) {
      block.vectors.set(vector, offset);
      offset += vector.length;
    }
  }
  return block;
}

/** Stores what a block has as of `round`. */
export function writeKept(
  kept: KeptVectors,
  clients: readonly number[],
  { has, vectors }: KeptBlock,
  round: number,
): void {
  const size = kept.vectors.reduce((sum, { length }) => sum + length, 0);
  for (const [at, client] of clients.entries()) {
    if (has[at] === 0) continue;
    let offset = at * size;
    for (const vector of kept.vectors) {
      vector.set(vectors.subarray(offset, offset + vector.length));
      offset += vector.length;
    }
    kept.store(client, round);
  }
}
