import { createHmac } from 'node:crypto';

/** HKDF with SHA-256 (RFC 5869), for up to one block: `length` is 1..32 bytes. */
export function hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length = 32): Uint8Array {
  const extracted = createHmac('sha256', salt).update(secret).digest();
  const expanded = createHmac('sha256', extracted).update(info).update(firstBlock).digest();
  return new Uint8Array(expanded.buffer, expanded.byteOffset, length);
}

const firstBlock = Uint8Array.of(1);
