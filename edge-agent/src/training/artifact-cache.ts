/**
 * Content-addressed files in the state directory, so that a plan is downloaded once and a broken download goes on
 * where it stopped. Nothing leaves the cache without its hash having been checked, so nothing need be flushed.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@starling/federation';
import type { ArtifactReference } from '../connection/assignment.js';
import { AgentError } from '../errors.js';
import { isMissing } from '../state/atomic-file.js';

/** The bytes of an artifact from `offset` on; see the transport port. */
export type Download = (sha256: string, offset: number, signal: AbortSignal) => AsyncIterable<Uint8Array>;

export interface ArtifactCache {
  /**
   * Makes sure that the artifact is on disk, whole and right.
   *
   * @throws AgentError `agent/artifact-hash` or `agent/artifact-size` where the coordinator sent something else
   */
  fetch(artifact: ArtifactReference, download: Download, signal: AbortSignal): Promise<void>;
  /** The artifact's bytes, checked again; undefined where the cache does not hold them (any more). */
  read(artifact: ArtifactReference): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Removes what was not used for longest until the budget is kept; `inUse` stays. */
  evict(inUse: readonly ArtifactReference[]): Promise<void>;
}

export interface ArtifactCacheOptions {
  readonly stateFolder: string;
  readonly bytesMax: number;
  readonly clock: Clock;
}

const partSuffix = '.part';

export async function openArtifactCache(options: ArtifactCacheOptions): Promise<ArtifactCache> {
  const { bytesMax, clock } = options;
  const folder = join(options.stateFolder, 'artifacts');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const pathOf = (artifact: ArtifactReference): string => join(folder, artifact.sha256);

  async function read(artifact: ArtifactReference): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = pathOf(artifact);
    if ((await sizeOf(path)) !== artifact.bytes) {
      return undefined;
    }
    // A view over a buffer of its own, at position 0, so that it can be read as f32 without a copy.
    const content = new Uint8Array((await readFile(path)).buffer, 0, artifact.bytes);
    if (createHash('sha256').update(content).digest('hex') !== artifact.sha256) {
      await rm(path, { force: true });
      return undefined;
    }
    const seconds = clock.now() / 1000;
    await utimes(path, seconds, seconds);
    return content;
  }

  return {
    read,
    async fetch(artifact, download, signal) {
      if ((await read(artifact)) !== undefined) {
        return;
      }
      const part = pathOf(artifact) + partSuffix;
      const resumed = (await sizeOf(part)) ?? 0;
      const whole =
        (await receive(part, artifact, resumed, download, signal)) ||
        // The part may have been damaged on disk: only a download from the start can tell.
        (resumed > 0 && (await receive(part, artifact, 0, download, signal)));
      if (!whole) {
        throw new AgentError(
          'agent/artifact-hash',
          `The coordinator's artifact ${artifact.sha256} does not have this hash; its storage seems damaged.`,
        );
      }
      await rename(part, pathOf(artifact));
    },
    evict: (inUse) => evict(folder, bytesMax, new Set(inUse.map((artifact) => artifact.sha256))),
  };
}

/** Downloads from `offset` on and tells whether the whole now has its hash; removes the part where not. */
async function receive(
  part: string,
  artifact: ArtifactReference,
  offset: number,
  download: Download,
  signal: AbortSignal,
): Promise<boolean> {
  const usable = offset <= artifact.bytes ? offset : 0;
  const hash = createHash('sha256');
  const file = await open(part, usable === 0 ? 'w+' : 'r+', 0o600);
  try {
    if (usable > 0) {
      for await (const chunk of file.createReadStream({ start: 0, end: usable - 1, autoClose: false })) {
        hash.update(chunk);
      }
    }
    let position = usable;
    if (position < artifact.bytes) {
      for await (const chunk of download(artifact.sha256, position, signal)) {
        if (position + chunk.byteLength > artifact.bytes) {
          await file.truncate(0);
          throw wrongSize(artifact, position + chunk.byteLength);
        }
        await file.write(chunk, 0, chunk.byteLength, position);
        hash.update(chunk);
        position += chunk.byteLength;
      }
    }
    if (position < artifact.bytes) {
      throw wrongSize(artifact, position);
    }
  } finally {
    await file.close();
  }
  if (hash.digest('hex') === artifact.sha256) {
    return true;
  }
  await rm(part, { force: true });
  return false;
}

function wrongSize(artifact: ArtifactReference, bytes: number): AgentError {
  return new AgentError(
    'agent/artifact-size',
    `The artifact ${artifact.sha256} should have ${artifact.bytes} bytes, but the coordinator sent ${bytes < artifact.bytes ? 'only ' : 'at least '}${bytes}.`,
  );
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
}

async function evict(folder: string, bytesMax: number, inUse: ReadonlySet<string>): Promise<void> {
  const files = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const path = join(folder, name);
      const { size, mtimeMs } = await stat(path);
      return { path, size, mtimeMs, kept: inUse.has(name) || inUse.has(name.replace(partSuffix, '')) };
    }),
  );
  let total = files.reduce((sum, file) => sum + file.size, 0);
  for (const file of files.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
    if (total <= bytesMax) {
      return;
    }
    if (!file.kept) {
      await rm(file.path, { force: true });
      total -= file.size;
    }
  }
}
