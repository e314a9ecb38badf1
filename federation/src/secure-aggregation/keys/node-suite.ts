import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, sign, verify } from 'node:crypto';
import type { KeySuite } from './suite.js';

type Curve = 'X25519' | 'Ed25519';

/** Keys go in as JWK (RFC 8037): DER takes OpenSSL three to nine times as long to read. */
function jwk(curve: Curve, publicKey: Uint8Array): { kty: 'OKP'; crv: Curve; x: string } {
  return { kty: 'OKP', crv: curve, x: base64url(publicKey) };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

const noPublicKey = new Uint8Array(0);

/** OpenSSL computes the public half from the secret one, whatever the JWK says of it. */
function privateKey(curve: Curve, secret: Uint8Array): KeyObject {
  return createPrivateKey({ key: { ...jwk(curve, noPublicKey), d: base64url(secret) }, format: 'jwk' });
}

function publicKey(curve: Curve, bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: jwk(curve, bytes), format: 'jwk' });
}

function publicBytes(key: KeyObject): Uint8Array {
  const { x } = key.export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x ?? '', 'base64url'));
}

/** OpenSSL's implementations, as Node has them: the fast path. */
export const nodeSuite: KeySuite = {
  name: 'node',
  keyPair: (secretKey) => ({ publicKey: publicBytes(privateKey('X25519', secretKey)), secretKey }),
  agreement: (pair) => {
    const own = privateKey('X25519', pair.secretKey);
    return (peer) => {
      if (peer.length !== 32) return undefined;
      try {
        return new Uint8Array(diffieHellman({ privateKey: own, publicKey: publicKey('X25519', peer) }));
      } catch {
        // OpenSSL refuses a result of zeros, and nothing else of 32 bytes.
        return undefined;
      }
    };
  },
  signingKey: (seed) => {
    const own = privateKey('Ed25519', seed);
    return { publicKey: publicBytes(own), sign: (message) => new Uint8Array(sign(null, message, own)) };
  },
  verify: (key, message, signature) => {
    if (key.length !== 32 || signature.length !== 64) return false;
    return verify(null, message, { key: jwk('Ed25519', key), format: 'jwk' }, signature);
  },
};
