/** A file that a command is to write, looked at before any work is done for it. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UsageError } from './explain.js';

/**
 * Throws UsageError where nothing can be written there, or something would be replaced.
 *
 * @param force whether to replace the file; absent for commands that never do
 */
export async function checkOutput(path: string, force?: boolean): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new UsageError(`${path} is a folder.`, 'Name a file with --output.');
  if (there !== undefined && force !== true) {
    const other = 'Name another file with --output';
    throw new UsageError(
      `${path} exists already.`,
      force === undefined ? `${other}.` : `${other}, or add --force.`,
    );
  }
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (!folder?.isDirectory()) throw new UsageError(`There is no folder ${dirname(path)}.`, 'Make it first.');
}
