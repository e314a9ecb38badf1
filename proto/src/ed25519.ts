/** Ed25519 keys (RFC 8032) as files and on the wire: PKCS#8 and SubjectPublicKeyInfo (RFC 8410). */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/** What stands before the 32 bytes of a private key in PKCS#8, DER (RFC 8410, section 7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
/** What stands before the 32 bytes of a public key in SubjectPublicKeyInfo, DER (RFC 8410, section 4). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

export const ED25519_SEED_BYTES = 32;
export const ED25519_PUBLIC_KEY_BYTES = 32;

/** A private key from 32 bytes of entropy. */
export function privateKeyFromSeed(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
}

/** PKCS#8, PEM: what key files hold. */
export function privateKeyPem(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}

/** `undefined` where `pem` is no Ed25519 private key. */
export function readPrivateKey(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}

/** The 32 bytes of the public key that belongs to `key`, private or public. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const der = publicKey.export({ format: 'der', type: 'spki' });
  return new Uint8Array(der.subarray(spkiPrefix.byteLength));
}

/** `undefined` where `raw` has not 32 bytes. */
export function publicKeyFromRaw(raw: Uint8Array): KeyObject | undefined {
  if (raw.byteLength !== ED25519_PUBLIC_KEY_BYTES) return undefined;
  return createPublicKey({ key: Buffer.concat([spkiPrefix, raw]), format: 'der', type: 'spki' });
}

/** SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal: how keys are named to people and in the store. */
export function keySha256(key: KeyObject): string {
  return createHash('sha256').update(spkiPrefix).update(rawPublicKey(key)).digest('hex');
}
