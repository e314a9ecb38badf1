/** The X.509 library, after what it needs at its start. It reads and writes ASN.1; keys and time are ours. */
import 'reflect-metadata';
import type { KeyObject } from 'node:crypto';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

export { x509 };

export const ed25519 = { name: 'Ed25519' } as const;

/** A private key as the library signs with it. */
export function signingKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const der = key.export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', der, ed25519, false, ['sign']);
}
