/** Archives that any tar lists and unpacks: POSIX ustar, regular files only. */
import type { FileHandle } from 'node:fs/promises';

const blockBytes = 512;
const sizeMax = 8 ** 11 - 1;
/** Of a header: where each field begins, and its length. */
const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 5],
  prefix: [345, 155],
} as const;

export interface TarMember {
  /** At most 100 bytes behind its last slash, 155 before. */
  readonly path: string;
  readonly content: Uint8Array;
}

export interface TarLimits {
  readonly membersMax: number;
  /** Of all members together. */
  readonly bytesMax: number;
}

/** Thrown by `readTar`; the message says what is wrong and where. */
export class TarError extends Error {
  override readonly name = 'TarError';
}

/** The archive in parts; the same members always give the same bytes. */
export function* tarParts(members: Iterable<TarMember>): Generator<Uint8Array> {
  for (const { path, content } of members) {
    yield headerOf(path, content.byteLength);
    yield content;
    yield Buffer.alloc(paddingOf(content.byteLength));
  }
  yield Buffer.alloc(2 * blockBytes);
}

/** Whether a file that begins so is an archive. */
export function isTar(start: Uint8Array): boolean {
  return start.byteLength >= blockBytes && textOf(Buffer.from(start), 'magic') === 'ustar';
}

/**
 * Reads a whole archive. Nothing is allocated for what the file is too short to hold, nor beyond `bytesMax`: a file with holes is
 * as long as anybody says, and takes no room where it lies.
 *
 * @throws TarError where it ends early, a header's checksum is wrong, a member is no regular file, or two have one path: some
 *   programs take the first, others the last
 */
export async function readTar(file: FileHandle, limits: TarLimits): Promise<readonly TarMember[]> {
  const { membersMax, bytesMax } = limits;
  const { size: fileBytes } = await file.stat();
  const members: TarMember[] = [];
  let bytes = 0;
  for (let at = 0; ; ) {
    const header = await readExactly(file, at, blockBytes, fileBytes);
    at += blockBytes;
    if (header.every((byte) => byte === 0)) return members;
    const { path, sizeBytes } = readHeader(header, at - blockBytes);
    if (members.length === membersMax) throw new TarError(`it has more than ${membersMax} files`);
    if (members.some((member) => member.path === path))
      throw new TarError(`${JSON.stringify(path)} is in it twice`);
    bytes += sizeBytes;
    if (bytes > bytesMax) throw new TarError(`its files have more than ${bytesMax} bytes`);
    members.push({ path, content: await readExactly(file, at, sizeBytes, fileBytes) });
    at += sizeBytes + paddingOf(sizeBytes);
  }
}

function headerOf(path: string, sizeBytes: number): Uint8Array {
  const slash = path.lastIndexOf('/');
  const [prefix, name] = [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)];
  if (
    name === '' ||
    Buffer.byteLength(name) > fields.name[1] ||
    Buffer.byteLength(prefix) > fields.prefix[1]
  ) {
    throw new RangeError(`${JSON.stringify(path)} has no place in a tar header.`);
  }
  if (sizeBytes > sizeMax) throw new RangeError(`${path} is too large for a tar: ${sizeBytes} bytes.`);
  const header = Buffer.alloc(blockBytes);
  const write = (field: keyof typeof fields, text: string): void => {
    header.write(text, fields[field][0], fields[field][1], 'utf8');
  };
  const octal = (field: 'mode' | 'uid' | 'gid' | 'size' | 'mtime', value: number): void =>
    write(field, value.toString(8).padStart(fields[field][1] - 1, '0'));
  write('name', name);
  write('prefix', prefix);
  octal('mode', 0o644);
  octal('uid', 0);
  octal('gid', 0);
  octal('size', sizeBytes);
  octal('mtime', 0);
  write('type', '0');
  write('magic', 'ustar');
  // The version follows the magic's own terminating zero.
  header.write('00', 263);
  write('checksum', `${checksumOf(header).toString(8).padStart(6, '0')}\0 `);
  return header;
}

function readHeader(header: Buffer, at: number): { readonly path: string; readonly sizeBytes: number } {
  if (textOf(header, 'magic') !== 'ustar' || octalOf(header, 'checksum') !== checksumOf(header)) {
    throw new TarError(`there is no header of a file at byte ${at}`);
  }
  const [name, prefix, type] = [textOf(header, 'name'), textOf(header, 'prefix'), textOf(header, 'type')];
  const path = prefix === '' ? name : `${prefix}/${name}`;
  const sizeBytes = octalOf(header, 'size');
  if (type !== '0' && type !== '') throw new TarError(`${JSON.stringify(path)} is no regular file`);
  if (sizeBytes === undefined) throw new TarError(`${JSON.stringify(path)} has no length`);
  return { path, sizeBytes };
}

/** The sum of the header's bytes, those of the checksum itself taken for spaces. */
function checksumOf(header: Uint8Array): number {
  const [start, length] = fields.checksum;
  return header.reduce((sum, byte, at) => sum + (at >= start && at < start + length ? 0x20 : byte), 0);
}

function textOf(header: Buffer, field: keyof typeof fields): string {
  const [start, length] = fields[field];
  const text = header.toString('utf8', start, start + length);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

function octalOf(header: Buffer, field: 'size' | 'checksum'): number | undefined {
  const text = textOf(header, field).trim();
  return /^[0-7]{1,12}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
}

async function readExactly(
  file: FileHandle,
  offset: number,
  sizeBytes: number,
  fileBytes: number,
): Promise<Buffer> {
  if (offset + sizeBytes > fileBytes)
    throw new TarError(`it ends at byte ${fileBytes}, in the middle of a file`);
  const bytes = Buffer.alloc(sizeBytes);
  for (let done = 0; done < sizeBytes; ) {
    // One call of the system reads less than 2 GiB.
    const length = Math.min(sizeBytes - done, 2 ** 30);
    const { bytesRead } = await file.read(bytes, done, length, offset + done);
    if (bytesRead === 0) throw new TarError(`it was cut off at byte ${offset + done} while it was read`);
    done += bytesRead;
  }
  return bytes;
}
