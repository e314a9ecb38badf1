/** One call that writes a payload into the spool. */
import { type FileHandle, rename } from 'node:fs/promises';
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
  /** Appends a chunk. Throws `UPDATE_LENGTH_MISMATCH` past the announced length, `UPLOAD_SUPERSEDED`. */
  append(chunk: Uint8Array): Promise<void>;
  /**
   * Ends a whole payload and sets it apart under a name that no other call writes to, so that what is verified is what
   * is folded; gives its path. Throws `UPLOAD_INCOMPLETE` where bytes are missing; what is held stays held.
   */
  finish(): Promise<string>;
  /** Ends this call's writing after a failure; what is held stays held. */
  release(): Promise<void>;
}

/** The call that may write a device's payload: the newest one. */
export interface Writer {
  /** The write that is under way. */
  pending: Promise<void>;
}

export interface UploadOptions {
  readonly announcement: UploadAnnouncement;
  readonly file: FileHandle;
  readonly path: string;
  /** Where a whole payload is set apart. */
  readonly apartPath: string;
  /** Bytes in the file already. */
  readonly offset: number;
  readonly writer: Writer;
  readonly isCurrent: () => boolean;
}

export function createUpload(options: UploadOptions): Upload {
  const { announcement, file, path, writer, isCurrent } = options;
  const { sizeBytes } = announcement;
  let received = options.offset;

  const fail = (...[status, code, message, remedy]: Parameters<typeof refusal>): CoordinatorError =>
    new CoordinatorError(refusal(status, code, `The upload of ${senderOf(announcement)} ${message}`, remedy));

  const checkCurrent = (): void => {
    if (isCurrent()) return;
    throw fail(
      'aborted',
      'UPLOAD_SUPERSEDED',
      'was taken over by a newer call.',
      'Let the newer call finish.',
    );
  };

  return {
    async append(chunk) {
      checkCurrent();
      if (received + chunk.byteLength > sizeBytes) {
        throw fail(
          'invalid-argument',
          'UPDATE_LENGTH_MISMATCH',
          `is longer than the ${sizeBytes} bytes announced.`,
          'Encode it as the assignment says, and announce its true length.',
        );
      }
      received += chunk.byteLength;
      writer.pending = file.appendFile(chunk);
      await writer.pending;
    },

    async finish() {
      await file.close();
      checkCurrent();
      if (received < sizeBytes) {
        throw fail(
          'aborted',
          'UPLOAD_INCOMPLETE',
          `ended after ${received} of ${sizeBytes} bytes.`,
          'Ask GetUpload where to go on, and send the rest.',
        );
      }
      await rename(path, options.apartPath);
      return options.apartPath;
    },

    async release() {
      await file.close();
    },
  };
}

/** `device a in round 3, attempt 1 of run mnist-1`, for sentences. */
export function senderOf({ deviceId, key }: Pick<UploadAnnouncement, 'deviceId' | 'key'>): string {
  return `device ${deviceId} in ${describeRound(key)}`;
}
