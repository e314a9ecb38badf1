/**
 * Payloads on their way in, chunk by chunk on disk: `spool/RUN~ROUND-ATTEMPT/DEVICE.SHA256`. The length of a file is
 * how much of the payload is held, so an upload goes on where it broke off, also after the coordinator was killed.
 */
import { mkdir, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { CoordinatorError, refusal } from '../errors.js';
import { type DeviceId, describeRound, type RoundKey, type Sha256 } from '../ids.js';

/** What a device says it will send. */
export interface UploadAnnouncement {
  readonly key: RoundKey;
  readonly deviceId: DeviceId;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
}

export interface Upload {
  readonly path: string;
  /** Appends a chunk. Throws `UPDATE_LENGTH_MISMATCH` past the announced length, `UPLOAD_SUPERSEDED`. */
  append(chunk: Uint8Array): Promise<void>;
  /** Ends this call's writing. Throws `UPLOAD_INCOMPLETE` where bytes are missing; what is held stays held. */
  finish(): Promise<void>;
  /** Ends this call's writing after a failure; what is held stays held. */
  release(): Promise<void>;
}

export interface Spool {
  /** Bytes of this very payload that are held. */
  receivedBytes(announcement: Pick<UploadAnnouncement, 'key' | 'deviceId' | 'sha256'>): Promise<number>;
  /** Starts to write at `offset`. Throws `OFFSET_OUT_OF_RANGE` past what is held. A newer call of a device ends its older. */
  begin(announcement: UploadAnnouncement, offset: number): Promise<Upload>;
  discard(announcement: Pick<UploadAnnouncement, 'key' | 'deviceId' | 'sha256'>): Promise<void>;
  /** Drops everything of an attempt. */
  removeRound(key: RoundKey): Promise<void>;
  /** Drops everything but the given attempts: what ended while the coordinator was away. */
  keepOnly(keys: readonly RoundKey[]): Promise<void>;
}

export async function openSpool(folder: string): Promise<Spool> {
  await mkdir(folder, { recursive: true });
  const writers = new Map<string, symbol>();
  const roundFolder = (key: RoundKey): string => join(folder, attemptName(key));
  const pathOf = ({ key, deviceId, sha256 }: Pick<UploadAnnouncement, 'key' | 'deviceId' | 'sha256'>) =>
    join(roundFolder(key), `${deviceId}.${sha256}`);

  const receivedBytes: Spool['receivedBytes'] = async (announcement) => {
    try {
      return (await stat(pathOf(announcement))).size;
    } catch (error) {
      if (isMissing(error)) return 0;
      throw error;
    }
  };

  return {
    receivedBytes,

    async begin(announcement, offset) {
      const { key, deviceId, sizeBytes } = announcement;
      const held = await receivedBytes(announcement);
      if (offset > held) {
        throw new CoordinatorError(
          refusal(
            'out-of-range',
            'OFFSET_OUT_OF_RANGE',
            `The upload of device ${deviceId} in ${describeRound(key)} goes on at byte ${offset}, but only ${held} are held.`,
            'Ask GetUpload where to go on.',
          ),
        );
      }
      const path = pathOf(announcement);
      await mkdir(roundFolder(key), { recursive: true });
      await removeOtherPayloads(roundFolder(key), deviceId, announcement.sha256);
      if (held > offset) await truncate(path, offset);
      const file = await open(path, 'a');
      const writer = Symbol(deviceId);
      const slot = `${roundFolder(key)}/${deviceId}`;
      writers.set(slot, writer);
      let received = offset;
      return {
        path,
        async append(chunk) {
          if (writers.get(slot) !== writer) throw new CoordinatorError(superseded(announcement));
          if (received + chunk.byteLength > sizeBytes) {
            throw new CoordinatorError(
              refusal(
                'invalid-argument',
                'UPDATE_LENGTH_MISMATCH',
                `The update of device ${deviceId} in ${describeRound(key)} is longer than the ${sizeBytes} bytes announced.`,
                'Encode it as the assignment says, and announce its true length.',
              ),
            );
          }
          received += chunk.byteLength;
          await file.appendFile(chunk);
        },
        async finish() {
          await file.close();
          const current = writers.get(slot) === writer;
          if (!current) throw new CoordinatorError(superseded(announcement));
          writers.delete(slot);
          if (received < sizeBytes) {
            throw new CoordinatorError(
              refusal(
                'aborted',
                'UPLOAD_INCOMPLETE',
                `The upload of device ${deviceId} in ${describeRound(key)} ended after ${received} of ${sizeBytes} bytes.`,
                'Ask GetUpload where to go on, and send the rest.',
              ),
            );
          }
        },
        async release() {
          if (writers.get(slot) === writer) writers.delete(slot);
          await file.close();
        },
      };
    },

    async discard(announcement) {
      await rm(pathOf(announcement), { force: true });
    },

    async removeRound(key) {
      await rm(roundFolder(key), { recursive: true, force: true });
    },

    async keepOnly(keys) {
      const kept = new Set(keys.map(roundFolder));
      for (const attempt of await readdir(folder)) {
        const path = join(folder, attempt);
        if (!kept.has(path)) await rm(path, { recursive: true, force: true });
      }
    },
  };
}

/** Names an attempt in the file system; no id contains a tilde. */
export function attemptName({ runId, round, attempt }: RoundKey): string {
  return `${runId}~${round}-${attempt}`;
}

/** A device has one payload in a round: one with another hash replaces what is there, so its space stays bounded. */
async function removeOtherPayloads(folder: string, deviceId: DeviceId, sha256: Sha256): Promise<void> {
  for (const name of await readdir(folder)) {
    const separator = name.lastIndexOf('.');
    if (name.slice(0, separator) === deviceId && name.slice(separator + 1) !== sha256) {
      await rm(join(folder, name), { force: true });
    }
  }
}

function superseded({ key, deviceId }: UploadAnnouncement) {
  return refusal(
    'aborted',
    'UPLOAD_SUPERSEDED',
    `A newer upload of device ${deviceId} in ${describeRound(key)} took over.`,
    'Let the newer call finish.',
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
