import nacl from 'tweetnacl';

/** tweetnacl exports its core functions without declaring them. */
interface LowLevel {
  crypto_core_hsalsa20(out: Uint8Array, input: Uint8Array, key: Uint8Array, constant: Uint8Array): number;
}

const { lowlevel } = nacl as unknown as { readonly lowlevel: LowLevel };
const sigma = new TextEncoder().encode('expand 32-byte k');

/** Bytes that sealing adds: the Poly1305 tag. */
export const sealOverhead = 16;

/** The key of NaCl's box for two ends who agreed on `shared`, 32 bytes of X25519: HSalsa20 of it. */
export function boxKey(shared: Uint8Array): Uint8Array {
  const key = new Uint8Array(32);
  lowlevel.crypto_core_hsalsa20(key, new Uint8Array(16), shared, sigma);
  return key;
}

/** NaCl's box (XSalsa20-Poly1305) with a key of `boxKey`; a nonce of 24 bytes must never serve two messages. */
export function sealBox(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  return nacl.secretbox(message, nonce, key);
}

/** What was sealed, or undefined when it is not what was sealed with this key and nonce. */
export function openBox(sealed: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  return nacl.secretbox.open(sealed, nonce, key) ?? undefined;
}
