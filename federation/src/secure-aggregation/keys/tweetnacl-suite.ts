import nacl from 'tweetnacl';
import type { KeySuite } from './suite.js';

/** L, the order of Ed25519's base point (RFC 8032, section 5.1), little-endian. */
const order = Uint8Array.from(
  Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex'),
);

/** The portable reference: plain JavaScript, no native code, some 24 times slower than `nodeSuite`. */
export const tweetnaclSuite: KeySuite = {
  name: 'tweetnacl',
  keyPair: (secretKey) => {
    const pair = nacl.box.keyPair.fromSecretKey(secretKey);
    return { publicKey: pair.publicKey, secretKey: pair.secretKey };
  },
  agreement: (pair) => (peer) => {
    if (peer.length !== 32) return undefined;
    const shared = nacl.scalarMult(pair.secretKey, peer);
    return shared.every((byte) => byte === 0) ? undefined : shared;
  },
  signingKey: (seed) => {
    const pair = nacl.sign.keyPair.fromSeed(seed);
    return { publicKey: pair.publicKey, sign: (message) => nacl.sign.detached(message, pair.secretKey) };
  },
  verify: (publicKey, message, signature) =>
    publicKey.length === 32 &&
    signature.length === 64 &&
    isBelowOrder(signature.subarray(32)) &&
    nacl.sign.detached.verify(message, signature, publicKey),
};

/** RFC 8032, section 5.1.7 wants S < L, lest a signature have several forms; tweetnacl does not look. */
function isBelowOrder(s: Uint8Array): boolean {
  for (let i = 31; i >= 0; i -= 1) {
    if (s[i] !== order[i]) return s[i] < order[i];
  }
  return false;
}
