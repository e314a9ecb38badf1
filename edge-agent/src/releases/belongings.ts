/** What comes with a model in its release and must fit this device: the contract of its examples, its drift reference. */
import type { Recording } from '../examples/recording.js';
import { contractFault, contractFile } from './contract.js';
import type { ReleaseFiles } from './files.js';
import { readSlotFile } from './slots.js';
import type { InstalledRelease } from './state.js';

/** File of a release that the watch for drift reads beside the model. */
const driftFile = 'drift.json';

/**
 * What keeps a release from being served here, a sentence that begins with the refusal's name; undefined where nothing does.
 *
 * @param recorded what this device records of the release's task
 */
export async function belongingsFault(
  files: Pick<ReleaseFiles, 'read' | 'size'>,
  name: string,
  release: InstalledRelease,
  recorded: Recording | undefined,
): Promise<string | undefined> {
  const has = (wanted: string): boolean => release.files.some((file) => file.name === wanted);
  if (has(contractFile)) {
    const bytes = await readSlotFile(files, name, release, contractFile);
    const fault = bytes && contractFault(release.task, bytes, recorded);
    if (fault !== undefined) return fault;
  }
  if (has(driftFile)) {
    const bytes = await readSlotFile(files, name, release, driftFile);
    const { driftReferenceSchema } = await import('../drift/reference-schema.js');
    const isOne = bytes !== undefined && driftReferenceSchema.safeParse(parsed(bytes)).success;
    if (!isOne) return 'RELEASE_DRIFT_INVALID: Its drift reference cannot be read.';
  }
  return undefined;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
