import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { delay } from '@starling/federation';
import { type ArtifactReference, StarlingError } from '@starling/proto';
import type { Remote } from './connection.js';
import type { Terminal } from './terminal.js';

const attemptsMax = 5;
const pauseMs = 500;

/**
 * Fetches an artifact into `path`, whole or not at all: into `path.HASH.partial` first, going on where an earlier
 * attempt or process stopped, then renamed once hash and length are right. `onBytes` is told of the bytes there so far.
 */
export async function downloadArtifact(
  remote: Remote,
  artifact: ArtifactReference,
  path: string,
  terminal: Terminal,
  onBytes: (bytes: number) => void = () => {},
): Promise<void> {
  const wanted = Buffer.from(artifact.sha256).toString('hex');
  const partial = `${path}.${wanted.slice(0, 16)}.partial`;
  const file = await open(partial, 'a+');
  try {
    const { hash, length } = await hashOf(file);
    let offset = length;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const request = { sha256: artifact.sha256, offsetBytes: offset };
        for await (const part of remote.artifacts.downloadArtifact(request, { signal: terminal.signal })) {
          if (part.offsetBytes !== offset) throw outOfOrder(offset, part.offsetBytes);
          await file.write(part.data);
          hash.update(part.data);
          offset += part.data.length;
          onBytes(offset);
        }
        break;
      } catch (error) {
        const passing = error instanceof StarlingError && error.status === 'unavailable';
        if (!passing || attempt >= attemptsMax) throw error;
        await delay(terminal.clock, pauseMs * attempt, terminal.signal);
      }
    }
    if (hash.digest('hex') !== wanted || offset !== artifact.sizeBytes) {
      await rm(partial, { force: true });
      throw new StarlingError({
        code: 'ARTIFACT_DAMAGED',
        status: 'data-loss',
        message: `What was downloaded (${offset} bytes) is not the artifact ${wanted} of ${artifact.sizeBytes} bytes.`,
        remedy: 'It was thrown away; download it again.',
      });
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
}

async function hashOf(file: FileHandle) {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false })) {
    hash.update(chunk);
    length += chunk.length;
  }
  return { hash, length };
}

function outOfOrder(expected: number, found: number): StarlingError {
  return new StarlingError({
    code: 'ARTIFACT_OUT_OF_ORDER',
    status: 'data-loss',
    message: `The download went on at byte ${found} instead of ${expected}.`,
    remedy: 'Download again.',
  });
}
