/**
 * Keeps the one finished update of this device until the coordinator counted it. Payload first, then the header
 * that names it by hash: only both together count, so a crash between them leaves nothing behind. Nothing is
 * flushed: a power failure may cost the update, which is trained again then, but never give a wrong one, and
 * flash memory is spared.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FinishedUpdate, sameRound } from '../connection/assignment.js';
import { isMissing } from './atomic-file.js';

/** What is loaded when there is something to read. */
export const later = { updateHeader: () => import('./update-header.js') };

export interface UpdateStore {
  /** What is kept, if it is whole. */
  load(): Promise<FinishedUpdate | undefined>;
  /** Keeps `payload`, in place of whatever was kept before. */
  save(update: FinishedUpdate, payload: Uint8Array): Promise<void>;
  /** The payload from `offset` on. */
  read(update: FinishedUpdate, offset: number): AsyncIterable<Uint8Array>;
  /** Removes the update if it is still the one that is kept. */
  discard(update: FinishedUpdate): Promise<void>;
}

const readBytes = 256 * 1024;

export async function openUpdateStore(stateFolder: string): Promise<UpdateStore> {
  const folder = join(stateFolder, 'update');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const headerPath = join(folder, 'header.json');
  const payloadPath = join(folder, 'payload.bin');

  async function load(): Promise<FinishedUpdate | undefined> {
    const update = await readUpdateHeader(stateFolder);
    return update !== undefined && (await hashFile(payloadPath)) === update.sha256 ? update : undefined;
  }

  return {
    load,
    async save(update, payload) {
      await rm(headerPath, { force: true });
      await writeFile(payloadPath, payload, { mode: 0o600 });
      await writeFile(`${headerPath}.tmp`, JSON.stringify(update), { mode: 0o600 });
      await rename(`${headerPath}.tmp`, headerPath);
    },
    async *read(_update, offset) {
      yield* createReadStream(payloadPath, { start: offset, highWaterMark: readBytes });
    },
    async discard(update) {
      const kept = await readUpdateHeader(stateFolder);
      if (kept !== undefined && !(sameRound(kept.round, update.round) && kept.sha256 === update.sha256)) {
        return;
      }
      await rm(headerPath, { force: true });
      await rm(payloadPath, { force: true });
    },
  };
}

/** The header of the update that a state directory keeps, whether or not its payload is whole. */
export async function readUpdateHeader(stateFolder: string): Promise<FinishedUpdate | undefined> {
  try {
    const text = await readFile(join(stateFolder, 'update', 'header.json'), 'utf8');
    const { parseUpdateHeader } = await later.updateHeader();
    return parseUpdateHeader(text);
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
}

/** SHA-256 of a file, or undefined where there is none. */
async function hashFile(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) {
      hash.update(chunk);
    }
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
  return hash.digest('hex');
}
