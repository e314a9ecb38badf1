import { createHash } from 'node:crypto';
import { VectorError } from './errors.js';

/**
 * A stored form that notices damage: 4 bytes that say what it is, u32 version, u64 body length, the body, and the
 * SHA-256 of all before it. Little-endian.
 */
const headerBytes = 16;
const digestBytes = 32;

/** What stored bytes are and which revision of the form they have. */
export interface SealKind {
  /** Four ASCII characters. */
  readonly magic: string;
  readonly version: number;
  /** In a person's words, for messages: `accumulator`. */
  readonly what: string;
}

/** Wraps `parts`, in order: what lies between the first and the last is `parts` themselves, not a copy of them. */
export function seal({ magic, version }: SealKind, parts: readonly Uint8Array[]): readonly Uint8Array[] {
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  for (let i = 0; i < 4; i += 1) view.setUint8(i, magic.charCodeAt(i));
  view.setUint32(4, version, true);
  const bodyBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  view.setBigUint64(8, BigInt(bodyBytes), true);
  const hash = createHash('sha256').update(header);
  for (const part of parts) hash.update(part);
  return [header, ...parts, hash.digest()];
}

/**
 * The body that was sealed, aligned for any typed array: a view where the bytes' own alignment allows it, else a copy.
 * Throws `VectorError` `corrupt-bytes` when it is of another kind or version, cut short, or changed.
 */
export function unseal({ magic, version, what }: SealKind, bytes: Uint8Array): Uint8Array {
  const fail = (reason: string): never => {
    throw new VectorError('corrupt-bytes', `these bytes are no usable ${what}: ${reason}`);
  };
  if (bytes.byteLength < headerBytes + digestBytes) fail(`only ${bytes.byteLength} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = String.fromCharCode(...bytes.subarray(0, 4));
  if (found !== magic) fail(`they begin with ${JSON.stringify(found)}, not "${magic}"`);
  const foundVersion = view.getUint32(4, true);
  if (foundVersion !== version) fail(`version ${foundVersion}; this code reads version ${version}`);
  const bodyEnd = bytes.byteLength - digestBytes;
  if (view.getBigUint64(8, true) !== BigInt(bodyEnd - headerBytes)) {
    fail(`${bytes.byteLength} bytes are not the length they declare`);
  }
  const digest = createHash('sha256').update(bytes.subarray(0, bodyEnd)).digest();
  if (!digest.equals(bytes.subarray(bodyEnd))) fail('the SHA-256 does not match');
  const body = bytes.subarray(headerBytes, bodyEnd);
  return body.byteOffset % 8 === 0 ? body : new Uint8Array(body);
}
