/**
 * Payloads on their way in, chunk by chunk on disk: `spool/RUN~ROUND-ATTEMPT/DEVICE.SHA256`. The length of a file is
 * how much of the payload is held, so an upload goes on where it broke off, also after the coordinator was killed. A
 * whole payload that waits to be counted is set apart as `DEVICE.SHA256.NUMBER`.
 */
import { mkdir, open, readdir, rename, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { CoordinatorError, refusal } from '../errors.js';
import { type DeviceId, parseDeviceId, type RoundKey, type Sha256 } from '../ids.js';
import { createUpload, senderOf, type Upload, type UploadAnnouncement, type Writer } from './upload.js';

/** Names a payload. */
export type PayloadName = Pick<UploadAnnouncement, 'key' | 'deviceId' | 'sha256'>;

export interface Spool {
  /** Bytes of this very payload that are held and not set apart. */
  receivedBytes(name: PayloadName): Promise<number>;
  /** Starts to write at `offset`. Throws `OFFSET_OUT_OF_RANGE` past what is held. A newer call of a device ends its older. */
  begin(announcement: UploadAnnouncement, offset: number): Promise<Upload>;
  /** Drops a payload that was set apart: it is counted, or not worth sending again. */
  discard(apartPath: string): Promise<void>;
  /** Takes a payload that was set apart back, so that it need not be sent again. */
  takeBack(name: PayloadName, apartPath: string): Promise<void>;
  /** Drops everything of an attempt. */
  removeRound(key: RoundKey): Promise<void>;
  /**
   * Drops everything but what may still be counted in the given attempts, and takes back what was set apart: for the
   * start, before anything is sent.
   */
  keepOnly(attempts: readonly OpenAttempt[]): Promise<void>;
}

export interface OpenAttempt {
  readonly key: RoundKey;
  /** The devices whose updates are in its durable sum. */
  readonly counted: { has(deviceId: DeviceId): boolean };
}

export async function openSpool(folder: string): Promise<Spool> {
  await mkdir(folder, { recursive: true });
  const writers = new Map<string, Writer>();
  let apart = 0;
  const roundFolder = (key: RoundKey): string => join(folder, attemptName(key));
  const pathOf = ({ key, deviceId, sha256 }: PayloadName): string =>
    join(roundFolder(key), `${deviceId}.${sha256}`);

  /** Makes a new call the one that writes, and waits for what the older one is writing at this moment. */
  const takeOver = async (slot: string): Promise<Writer> => {
    const older = writers.get(slot);
    const writer: Writer = { pending: Promise.resolve() };
    writers.set(slot, writer);
    // How the older write ends is the older call's to tell; only that it ended matters here.
    await older?.pending.catch(() => undefined);
    return writer;
  };

  const spool: Spool = {
    async receivedBytes(name) {
      try {
        return (await stat(pathOf(name))).size;
      } catch (error) {
        if (isMissing(error)) return 0;
        throw error;
      }
    },

    async begin(announcement, offset) {
      const { key, deviceId } = announcement;
      const slot = join(roundFolder(key), deviceId);
      const writer = await takeOver(slot);
      const held = await spool.receivedBytes(announcement);
      if (offset > held) throw new CoordinatorError(beyond(announcement, offset, held));
      const path = pathOf(announcement);
      await mkdir(roundFolder(key), { recursive: true });
      await removeOtherPayloads(roundFolder(key), deviceId, announcement.sha256);
      if (held > offset) await truncate(path, offset);
      const file = await open(path, 'a');
      apart += 1;
      const apartPath = `${path}.${apart}`;
      const isCurrent = (): boolean => writers.get(slot) === writer;
      return createUpload({ announcement, file, path, apartPath, offset, writer, isCurrent });
    },

    async discard(apartPath) {
      await rm(apartPath, { force: true });
    },

    async takeBack(name, apartPath) {
      try {
        await rename(apartPath, pathOf(name));
      } catch (error) {
        // The round may be over, and its folder gone with it.
        if (!isMissing(error)) throw error;
      }
    },

    async removeRound(key) {
      for (const slot of [...writers.keys()]) {
        if (slot.startsWith(join(roundFolder(key), '/'))) writers.delete(slot);
      }
      await rm(roundFolder(key), { recursive: true, force: true });
    },

    async keepOnly(attempts) {
      const open = new Map(attempts.map(({ key, counted }) => [roundFolder(key), counted]));
      for (const attempt of await readdir(folder)) {
        const path = join(folder, attempt);
        const counted = open.get(path);
        if (counted === undefined) await rm(path, { recursive: true, force: true });
        else await keepUncounted(path, counted);
      }
    },
  };
  return spool;
}

/** Names an attempt in the file system; no id contains a tilde. */
export function attemptName({ runId, round, attempt }: RoundKey): string {
  return `${runId}~${round}-${attempt}`;
}

const payloadName = /^(.+)\.([0-9a-f]{64})(\.\d+)?$/;

async function keepUncounted(folder: string, counted: OpenAttempt['counted']): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, device = '', sha256 = '', number] = payloadName.exec(name) ?? [];
    const deviceId = parseDeviceId(device);
    if (deviceId === undefined || counted.has(deviceId)) await rm(join(folder, name), { force: true });
    else if (number !== undefined) await rename(join(folder, name), join(folder, `${device}.${sha256}`));
  }
}

/** A device writes one payload in a round: one with another hash replaces what is there, so its space stays bounded. */
async function removeOtherPayloads(folder: string, deviceId: DeviceId, sha256: Sha256): Promise<void> {
  for (const name of await readdir(folder)) {
    const separator = name.lastIndexOf('.');
    if (name.slice(0, separator) === deviceId && name.slice(separator + 1) !== sha256) {
      await rm(join(folder, name), { force: true });
    }
  }
}

function beyond(announcement: UploadAnnouncement, offset: number, held: number) {
  return refusal(
    'out-of-range',
    'OFFSET_OUT_OF_RANGE',
    `The upload of ${senderOf(announcement)} goes on at byte ${offset}, but only ${held} are held.`,
    'Ask GetUpload where to go on.',
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
