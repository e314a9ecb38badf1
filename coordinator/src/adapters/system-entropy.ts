import { randomBytes } from 'node:crypto';
import type { Entropy } from '@starling/federation';

/** The operating system's generator. */
export function createSystemEntropy(): Entropy {
  return { bytes: (length) => new Uint8Array(randomBytes(length)) };
}
