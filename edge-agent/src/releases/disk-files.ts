/** The port over a real file system. */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AgentError } from '../errors.js';
import { isMissing, syncFolder } from '../state/atomic-file.js';
import type { ReleaseFiles } from './files.js';

export function diskFiles(root: string): ReleaseFiles {
  const at = (path: string): string => join(root, path);
  return {
    read: async (path) => (await readFile(at(path)).catch(orMissing)) as Uint8Array<ArrayBuffer> | undefined,
    size: async (path) => (await stat(at(path)).catch(orMissing))?.size,
    list: async (path) => (await readdir(at(path)).catch(orMissing)) ?? [],
    write: (path, position, bytes) =>
      orFull(root, async () => {
        await mkdir(dirname(at(path)), { recursive: true, mode: 0o700 });
        const file = await open(at(path), 'a+', 0o600).then(async (made) => {
          await made.close();
          return open(at(path), 'r+');
        });
        try {
          let written = 0;
          while (written < bytes.byteLength) {
            written += (await file.write(bytes, written, bytes.byteLength - written, position + written))
              .bytesWritten;
          }
        } finally {
          await file.close();
        }
      }),
    sync: (path) =>
      orFull(root, async () => {
        const file = await open(at(path), 'r+');
        try {
          await file.sync();
        } finally {
          await file.close();
        }
      }),
    rename: (from, to) =>
      orFull(root, async () => {
        await rename(at(from), at(to));
        await syncFolder(dirname(at(to)));
      }),
    remove: (path) => rm(at(path), { recursive: true, force: true }),
  };
}

function orMissing(error: unknown): undefined {
  if (isMissing(error)) return;
  throw error;
}

async function orFull<T>(root: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    throw new AgentError(
      'agent/disk-full',
      `There is no room left in ${root}; what serves goes on. Free some, and the update is tried again.`,
      error,
    );
  }
}
