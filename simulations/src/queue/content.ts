/** Bytes in Redis under their SHA-256: sent once, whoever needs them, and checked by whoever reads them. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import * as z from 'zod';
import { availableMemoryBytes, uniqueId } from '../adapters/index.js';
import { SimulationError } from '../errors.js';

export const contentReference = z.strictObject({
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z
    .int()
    .min(0)
    .max(2 ** 29),
});

export type ContentReference = Readonly<z.output<typeof contentReference>>;

/** Redis holds no longer string. */
const bytesMax = 2 ** 29;
const pieceBytes = 8 * 2 ** 20;
/** What nobody asks for goes away by itself, whoever crashed. */
export const contentSeconds = 3600;

const keyOf = (hash: string): string => `starling-sim:content:${hash}`;

/** Writes `bytes` unless they are there; `what` names them where they are too many. */
export async function putContent(
  redis: Redis,
  bytes: Uint8Array,
  what: string,
  seconds: number = contentSeconds,
): Promise<ContentReference> {
  if (bytes.length > bytesMax) {
    throw new SimulationError(
      'simulation/queue',
      `The ${what} takes ${Math.ceil(bytes.length / 2 ** 20)} MiB, and Redis holds at most 512 in one piece.`,
      'Run it on one machine, without --redis.',
    );
  }
  const hash = createHash('sha256').update(bytes).digest('hex');
  const key = keyOf(hash);
  if ((await redis.expire(key, seconds)) === 1) return { hash, bytes: bytes.length };
  // Readers see all of it or nothing.
  const draft = `${key}:draft:${uniqueId()}`;
  for (let at = 0; at < bytes.length || at === 0; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    if (at === 0) await redis.set(draft, Buffer.from(piece), 'EX', seconds);
    else await redis.append(draft, Buffer.from(piece));
  }
  await redis.rename(draft, key);
  return { hash, bytes: bytes.length };
}

/** Keeps content from going away. */
export async function keepContent(redis: Redis, references: readonly ContentReference[]): Promise<void> {
  for (const { hash } of references) await redis.expire(keyOf(hash), contentSeconds);
}

export async function removeContent(redis: Redis, references: readonly ContentReference[]): Promise<void> {
  if (references.length > 0) await redis.del(references.map(({ hash }) => keyOf(hash)));
}

/** Throws a `SimulationError` `simulation/queue` where it is gone, not what its hash says, or more than there is room for. */
export async function getContent(
  redis: Redis,
  { hash, bytes: length }: ContentReference,
  what: string,
): Promise<Uint8Array> {
  const key = keyOf(hash);
  const there = await redis.strlen(key);
  const fault = (problem: string, remedy: string): SimulationError =>
    new SimulationError('simulation/queue', `The ${what} ${problem}.`, remedy);
  if (there !== length) {
    throw fault(
      there === 0 ? 'is not in Redis any more' : 'is not as long as it was announced',
      'Redis must not evict keys: set maxmemory-policy to noeviction, and give it more memory.',
    );
  }
  // It is unpacked into memory of its own.
  if (2 * length > availableMemoryBytes()) {
    throw fault(
      `takes ${Math.ceil((2 * length) / 2 ** 20)} MiB here, and less is free`,
      'Start this worker on a machine with more memory.',
    );
  }
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += pieceBytes) {
    const piece = await redis.getrangeBuffer(key, at, Math.min(length, at + pieceBytes) - 1);
    bytes.set(piece.subarray(0, length - at), at);
  }
  if (createHash('sha256').update(bytes).digest('hex') !== hash) {
    throw fault('is not what its hash says', 'Find out who else writes to this Redis.');
  }
  return bytes;
}
