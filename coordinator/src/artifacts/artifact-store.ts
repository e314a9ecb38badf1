/** Content-addressed blobs on disk, with an index in the store. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@starling/federation';
import { CoordinatorError, refusal } from '../errors.js';
import { type ArtifactRef, parseSha256, type Sha256 } from '../ids.js';
import type { ArtifactPurpose, Store, StoredArtifact } from '../storage/index.js';
import { readChunks, writeDurably } from './files.js';

/** Bytes of one chunk of a download: what fits the wire contract. */
export const chunkBytesMax = 256 * 1024;

export interface ArtifactStore {
  /** Stores a content under its hash, durably; the same content twice is one artifact. */
  put(purpose: ArtifactPurpose, content: Uint8Array): Promise<ArtifactRef>;
  /** Throws `ARTIFACT_UNKNOWN`. */
  stat(sha256: Sha256): Promise<StoredArtifact>;
  /** The bytes from `offset` on, in chunks of at most 256 KiB. Throws `ARTIFACT_UNKNOWN`, `OFFSET_OUT_OF_RANGE`. */
  read(sha256: Sha256, offset: number): Promise<AsyncIterable<Uint8Array>>;
  /** The whole content, checked against its hash. Throws `ARTIFACT_UNKNOWN`, `ARTIFACT_DAMAGED`. */
  load(sha256: Sha256): Promise<Uint8Array>;
  remove(hashes: readonly Sha256[]): Promise<void>;
}

/** Opens the store and removes what a crash left: temporary files, and blobs that never made it into the index. */
export async function openArtifactStore(folder: string, store: Store, clock: Clock): Promise<ArtifactStore> {
  await mkdir(folder, { recursive: true });
  await removeOrphans(folder, store);
  const pathOf = (sha256: Sha256): string => join(folder, sha256.slice(0, 2), sha256);
  const pending = new Map<Sha256, Promise<void>>();

  const stat = async (sha256: Sha256): Promise<StoredArtifact> => {
    const artifact = await store.artifacts.find(sha256);
    if (artifact === undefined) throw new CoordinatorError(unknownArtifact(sha256));
    return artifact;
  };

  return {
    async put(purpose, content) {
      const sha256 = hashOf(content);
      const artifact: StoredArtifact = {
        sha256,
        sizeBytes: content.byteLength,
        purpose,
        createdAtMs: clock.now(),
      };
      // Two writers of one content would share one temporary file: the second waits for the first.
      const writing = pending.get(sha256) ?? write(pathOf(sha256), content, artifact, store);
      pending.set(sha256, writing);
      try {
        await writing;
      } finally {
        pending.delete(sha256);
      }
      return { sha256, sizeBytes: content.byteLength };
    },

    stat,

    async read(sha256, offset) {
      const { sizeBytes } = await stat(sha256);
      if (offset > sizeBytes) {
        throw new CoordinatorError(
          refusal(
            'out-of-range',
            'OFFSET_OUT_OF_RANGE',
            `Offset ${offset} lies beyond the ${sizeBytes} bytes of artifact ${sha256}.`,
            'Start again from offset 0.',
          ),
        );
      }
      // No more memory than there is to read: most artifacts are far shorter than a chunk.
      return readChunks(pathOf(sha256), offset, Math.max(1, Math.min(chunkBytesMax, sizeBytes - offset)));
    },

    async load(sha256) {
      await stat(sha256);
      const content = await readFile(pathOf(sha256));
      if (hashOf(content) === sha256) return content;
      throw new CoordinatorError(
        refusal(
          'data-loss',
          'ARTIFACT_DAMAGED',
          `Artifact ${sha256} does not match its hash any more.`,
          'Restore the folder from a backup, and check the disk.',
        ),
      );
    },

    async remove(hashes) {
      // Index first: a crash in between leaves a blob without an entry, which the next start removes.
      await store.artifacts.remove(hashes);
      for (const sha256 of hashes) await rm(pathOf(sha256), { force: true });
    },
  };
}

async function write(
  path: string,
  content: Uint8Array,
  artifact: StoredArtifact,
  store: Store,
): Promise<void> {
  if ((await store.artifacts.find(artifact.sha256)) !== undefined) return;
  await writeDurably(path, [content]);
  await store.artifacts.add(artifact);
}

async function removeOrphans(folder: string, store: Store): Promise<void> {
  const known = new Set<string>((await store.artifacts.list()).map((artifact) => artifact.sha256));
  for (const shard of await readdir(folder)) {
    for (const name of await readdir(join(folder, shard))) {
      if (!known.has(name)) await rm(join(folder, shard, name), { force: true });
    }
  }
}

/** SHA-256 of a content. */
export function hashOf(content: Uint8Array): Sha256 {
  return brandHash(createHash('sha256').update(content).digest('hex'));
}

export function brandHash(hex: string): Sha256 {
  const sha256 = parseSha256(hex);
  if (sha256 === undefined) throw new Error(`not a SHA-256: ${hex}`);
  return sha256;
}

function unknownArtifact(sha256: Sha256) {
  return refusal(
    'not-found',
    'ARTIFACT_UNKNOWN',
    `There is no artifact ${sha256}.`,
    'Check in again for what is needed now; old checkpoints may have been removed to save space.',
  );
}
