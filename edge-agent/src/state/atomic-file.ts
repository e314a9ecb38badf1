/** Files that are there whole or not at all. */
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AgentError } from '../errors.js';

/**
 * Writes beside the target, flushes, and puts it in place in one step: it is there also after the power fails.
 *
 * @throws AgentError `agent/state-folder`
 */
export async function writeFileDurable(path: string, content: Uint8Array | string): Promise<void> {
  await write(path, content).catch((error: unknown) => {
    throw notWritten(path, error);
  });
}

async function write(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Makes renames and removals in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The system's own error of a full disk does not even say where. */
export function notWritten(path: string, error: unknown): AgentError {
  const why = error instanceof Error ? error.message : String(error);
  return new AgentError(
    'agent/state-folder',
    `${path} cannot be written (${why}); make room on its disk, or allow the agent to write there.`,
    error,
  );
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
