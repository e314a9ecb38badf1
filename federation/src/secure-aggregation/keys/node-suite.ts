import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, sign, verify } from 'node:crypto';
import type { KeySuite } from './suite.js';

/** PKCS #8 (RFC 8410, section 7) before the 32 bytes of a private key. */
const x25519Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex');
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

function privateKey(prefix: Buffer, secret: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([prefix, secret]), format: 'der', type: 'pkcs8' });
}

/** Through JWK (RFC 8037): two and a half times as fast as DER. */
function publicKey(curve: 'X25519' | 'Ed25519', bytes: Uint8Array): KeyObject {
  const x = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: curve, x }, format: 'jwk' });
}

function publicBytes(key: KeyObject): Uint8Array {
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x ?? '', 'base64url'));
}

/** OpenSSL's implementations, as Node has them: the fast path. */
export const nodeSuite: KeySuite = {
  name: 'node',
  keyPair: (secretKey) => ({ publicKey: publicBytes(privateKey(x25519Prefix, secretKey)), secretKey }),
  agreement: (pair) => {
    const own = privateKey(x25519Prefix, pair.secretKey);
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
    const own = privateKey(ed25519Prefix, seed);
    return { publicKey: publicBytes(own), sign: (message) => new Uint8Array(sign(null, message, own)) };
  },
  verify: (key, message, signature) => {
    if (key.length !== 32 || signature.length !== 64) return false;
    return verify(null, message, publicKey('Ed25519', key), signature);
  },
};
