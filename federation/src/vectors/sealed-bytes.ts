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

/** Wraps the concatenation of `parts`. */
export function seal({ magic, version }: SealKind, parts: readonly Uint8Array[]): Uint8Array {
  const bodyBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const out = new Uint8Array(headerBytes + bodyBytes + digestBytes);
  const view = new DataView(out.buffer);
  for (let i = 0; i < 4; i += 1) view.setUint8(i, magic.charCodeAt(i));
  view.setUint32(4, version, true);
  view.setBigUint64(8, BigInt(bodyBytes), true);
  let position = headerBytes;
  for (const part of parts) {
    out.set(part, position);
    position += part.byteLength;
  }
  out.set(createHash('sha256').update(out.subarray(0, position)).digest(), position);
  return out;
}

/**
 * The body that was sealed, copied so that it is aligned for any typed array. Throws `VectorError` `corrupt-bytes`
 * when it is of another kind or version, cut short, or changed.
 */
export function unseal({ magic, version, what }: SealKind, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
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
  // slice on a Buffer would share memory; the constructor always copies to a fresh, aligned buffer.
  return new Uint8Array(bytes.subarray(headerBytes, bodyEnd));
}
