/** The operating system's generator. */
import { randomBytes } from 'node:crypto';
import type { Entropy } from '@starling/federation';

export function systemEntropy(): Entropy {
  return { bytes: (length) => new Uint8Array(randomBytes(length)) };
}
