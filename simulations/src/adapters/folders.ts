/** Folders that come into being where they are missing. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SimulationError } from '../errors.js';

/** Makes a folder that an option named. Throws a `SimulationError` `simulation/usage`. */
export async function makeNamedFolder(path: string, option: string): Promise<void> {
  try {
    await makeFolder(path);
  } catch (error) {
    throw new SimulationError(
      'simulation/usage',
      `The folder ${path} cannot be made: ${error instanceof Error ? error.message : String(error)}.`,
      `Choose another by ${option}.`,
      { cause: error },
    );
  }
}

/**
 * Makes a folder and those above it. Node.js's own way (`recursive`) never comes to an end where a file system lets nobody
 * make any, as /proc.
 */
export async function makeFolder(path: string): Promise<void> {
  if (await isFolder(path)) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch(async (error: unknown) => {
    // Somebody else may have been quicker.
    if (!(await isFolder(path))) throw error;
  });
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
