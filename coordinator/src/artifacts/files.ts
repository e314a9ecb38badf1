/** Files that are either whole and durable or not there. */
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from './folders.js';

/**
 * Writes a file so that after a crash at any instant it is there as a whole or not at all: temporary file, fsync,
 * rename, fsync of the folder. A crash leaves at most `path.tmp`.
 */
export async function writeDurably(path: string, parts: Iterable<Uint8Array>, mode = 0o666): Promise<void> {
  const folder = dirname(path);
  const created = await makeFolder(folder);
  if (created !== undefined) await syncFolder(dirname(created));
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', mode);
  try {
    for (const part of parts) await writeAll(file, part);
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true });
    throw error;
  }
  await file.close();
  await rename(temporary, path);
  await syncFolder(folder);
}

interface Writable {
  write(buffer: Uint8Array, offset: number, length: number): Promise<{ bytesWritten: number }>;
}

async function writeAll(file: Writable, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const result = await file.write(bytes, written, bytes.byteLength - written);
    written += result.bytesWritten;
  }
}

/** Makes renames and removals in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * The bytes of a file from `offset` on, in chunks of at most `chunkBytes`. Every chunk is memory of its own, so it may
 * be handed on while the next is read.
 */
export async function* readChunks(
  path: string,
  offset: number,
  chunkBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, 'r');
  try {
    for (let position = offset; ; ) {
      const buffer = new Uint8Array(chunkBytes);
      const { bytesRead } = await file.read(buffer, 0, chunkBytes, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

const scanBytes = 512 * 1024;

/** Buffers of scans that have ended, for those to come: an update is scanned twice, and a cohort has many. */
const spareBuffers: Uint8Array[] = [];
const spareBuffersMax = 4;

/** Hands the bytes of a file to `onChunk` in order. The chunk is valid only during the call: all share one buffer. */
export async function scanFile(path: string, onChunk: (chunk: Uint8Array) => void): Promise<void> {
  const file = await open(path, 'r');
  const buffer = spareBuffers.pop() ?? new Uint8Array(scanBytes);
  try {
    for (let position = 0; ; ) {
      const { bytesRead } = await file.read(buffer, 0, scanBytes, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      onChunk(buffer.subarray(0, bytesRead));
    }
  } finally {
    if (spareBuffers.length < spareBuffersMax) spareBuffers.push(buffer);
    await file.close();
  }
}
