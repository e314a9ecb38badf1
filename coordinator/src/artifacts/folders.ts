/** Folders that come into being where they are missing. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CoordinatorError, refusal } from '../errors.js';

/** `makeFolder` where an operator named it. Throws FOLDER_UNUSABLE. */
export async function makeNamedFolder(path: string, mode?: number): Promise<string | undefined> {
  try {
    return await makeFolder(path, mode);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CoordinatorError(
      refusal(
        'failed-precondition',
        'FOLDER_UNUSABLE',
        `The folder ${path} cannot be used: ${why}.`,
        'Name another one.',
      ),
    );
  }
}

/**
 * Makes a folder and those above it; gives the topmost that it made. Node.js's own way (`recursive`) never comes to an end
 * where a file system lets nobody make any, as /proc.
 */
export async function makeFolder(path: string, mode = 0o777): Promise<string | undefined> {
  if (await isFolder(path)) return undefined;
  const above = dirname(path);
  const topmost = above === path ? undefined : await makeFolder(above, mode);
  try {
    await mkdir(path, mode);
  } catch (error) {
    // Somebody else may have been quicker.
    if (await isFolder(path)) return topmost;
    throw error;
  }
  return topmost ?? path;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
