/** The state of the releases as it lies on the disk: replaced whole, so that after any crash it is of before or after. */
import { AgentError } from '../errors.js';
import { type ReleaseFiles, writeWhole } from './files.js';
import { decodeState, encodeState, noReleases, type ReleasesState } from './state.js';

const path = 'state.json';

/** @throws AgentError `agent/state-folder` where it was written by a newer agent */
export async function readState(files: Pick<ReleaseFiles, 'read'>): Promise<ReleasesState> {
  const bytes = await files.read(path);
  try {
    return bytes === undefined ? noReleases : decodeState(bytes);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AgentError('agent/state-folder', `The file releases/${path} cannot be read: ${why}`, error);
  }
}

/** @throws AgentError `agent/disk-full` */
export function keepState(files: ReleaseFiles, state: ReleasesState): Promise<void> {
  return writeWhole(files, path, encodeState(state));
}
