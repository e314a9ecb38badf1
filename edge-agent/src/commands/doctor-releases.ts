/** What `doctor` says of releases: whether the first root can be believed, and whether a new version would fit. */
import { readFile, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkRootIsCurrent, ReleaseError, trustRoot } from '@starling/federation';
import { openModelDirectory } from '../inference/index.js';
import { diskFiles } from '../releases/disk-files.js';
import { readState } from '../releases/kept-state.js';
import { releasesFolder } from '../releases/paths.js';
import { modelFile, slotPath } from '../releases/slots.js';
import { isMissing } from '../state/atomic-file.js';
import type { Finding } from './doctor.js';

/** Also a first version, of which nobody knows the size, should fit. */
const modelBytesMin = 32 << 20;
/** The new version, and what it is put together from. */
const copies = 2;

/**
 * The root that the owner of the device names.
 *
 * @throws Error that says what to do, where the agent would not start with it
 */
export async function checkReleaseRoot(path: string, nowMs: number): Promise<string | Finding> {
  const remedy = `give the root that "starling release init --output" wrote, or leave "releases.root" out to believe the fleet's first one`;
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new Error(`The root of releases ${path} cannot be read (${why(error)}); ${remedy}.`);
  });
  let root: ReturnType<typeof trustRoot>;
  try {
    root = trustRoot(bytes);
  } catch (error) {
    throw new Error(`${path} is no root of releases (${why(error)}); ${remedy}.`);
  }
  try {
    checkRootIsCurrent(root, nowMs);
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    // The agent starts and serves what it has. A newer root that the fleet publishes puts an end to it.
    const message = `${path}: ${error.message} No release is taken over unless the coordinator has a newer root; sign one, and check this device's clock.`;
    return { check: 'release root', state: 'warning', message };
  }
  return `${path} is a root that is signed and has not expired.`;
}

/** Whether the disk of the state directory, or of the folder it will be in, has room for a new version beside the old one. */
export async function checkReleaseSpace(
  stateFolder: string,
  modelsFolder: string,
): Promise<string | Finding> {
  const largest = Math.max(modelBytesMin, ...(await modelSizes(stateFolder, modelsFolder)));
  const needed = copies * largest;
  const { bavail, bsize } = await statfs(await nearest(stateFolder));
  const free = bavail * bsize;
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  const what = `${megabytes(free)} are free in ${stateFolder} for new versions, which may need ${megabytes(needed)}`;
  if (free >= needed) return `${what}.`;
  const message = `Only ${what}; make room, or move the state directory to a larger disk.`;
  return { check: 'release space', state: 'warning', message };
}

async function modelSizes(stateFolder: string, modelsFolder: string): Promise<readonly number[]> {
  const directory = openModelDirectory(modelsFolder);
  const served = await directory.list().catch(() => new Map<string, readonly string[]>());
  const { models } = await readState(diskFiles(join(stateFolder, releasesFolder)));
  const paths = [
    ...[...served].flatMap(([name, versions]) =>
      versions.map((version) => join(directory.folder(name, version), modelFile)),
    ),
    ...Object.keys(models).flatMap((name) =>
      (['a', 'b'] as const).map((slot) => join(stateFolder, releasesFolder, slotPath(name, slot), modelFile)),
    ),
  ];
  return Promise.all(
    paths.map(async (path) =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
}

/** The folder itself, or the first above it that is there. */
async function nearest(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    if (!isMissing(error) || dirname(path) === path) throw error;
    return nearest(dirname(path));
  }
}

function why(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
}
