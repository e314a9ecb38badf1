import * as fc from 'fast-check';
import nacl from 'tweetnacl';
import { expect, test } from 'vitest';
import { nodeSuite } from './node-suite.js';
import { boxKey, openBox, sealBox } from './sealed-box.js';
import { tweetnaclSuite } from './tweetnacl-suite.js';

const suites = [nodeSuite, tweetnaclSuite];
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (array: Uint8Array | undefined): string | undefined =>
  array === undefined ? undefined : Buffer.from(array).toString('hex');
const secret = fc.uint8Array({ minLength: 32, maxLength: 32 });

test.each(suites)('$name: X25519 of RFC 7748, section 6.1', (suite) => {
  const alice = suite.keyPair(bytes('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'));
  const bob = suite.keyPair(bytes('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'));
  const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
  expect(hex(alice.publicKey)).toBe('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
  expect(hex(bob.publicKey)).toBe('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
  expect(hex(suite.agreement(alice)(bob.publicKey))).toBe(shared);
  expect(hex(suite.agreement(bob)(alice.publicKey))).toBe(shared);
});

test.each(suites)('$name: Ed25519 of RFC 8032, section 7.1, tests 1 to 3', (suite) => {
  const vectors = [
    [
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
    [
      'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ],
  ];
  for (const [seed, publicKey, message, signature] of vectors) {
    const key = suite.signingKey(bytes(seed));
    expect(hex(key.publicKey)).toBe(publicKey);
    expect(hex(key.sign(bytes(message)))).toBe(signature);
    expect(suite.verify(bytes(publicKey), bytes(message), bytes(signature))).toBe(true);
    expect(suite.verify(bytes(publicKey), bytes(`${message}00`), bytes(signature))).toBe(false);
  }
});

test('both suites give the same bytes', () => {
  fc.assert(
    fc.property(secret, secret, fc.uint8Array({ maxLength: 100 }), (a, b, message) => {
      const [node, portable] = suites.map((suite) => {
        const own = suite.keyPair(a);
        const peer = suite.keyPair(b);
        const key = suite.signingKey(a);
        const signature = key.sign(message);
        return {
          public: hex(own.publicKey),
          shared: hex(suite.agreement(own)(peer.publicKey)),
          identity: hex(key.publicKey),
          signature: hex(signature),
          verified: suites.map((other) => other.verify(key.publicKey, message, signature)),
        };
      });
      expect(node).toEqual(portable);
      expect(node.verified).toEqual([true, true]);
    }),
    { numRuns: 20 },
  );
});

test.each(suites)('$name: keys of small order, and what is no key, are found out', (suite) => {
  const agree = suite.agreement(suite.keyPair(new Uint8Array(32).fill(1)));
  const one = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0));
  expect(agree(new Uint8Array(32))).toBeUndefined();
  expect(agree(one)).toBeUndefined();
  expect(agree(bytes('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'))).toBeUndefined();
  expect(agree(new Uint8Array(31))).toBeUndefined();
  const key = suite.signingKey(new Uint8Array(32).fill(2));
  const message = Uint8Array.of(1);
  const signature = key.sign(message);
  expect(suite.verify(key.publicKey.subarray(1), message, signature)).toBe(false);
  expect(suite.verify(key.publicKey, message, signature.subarray(1))).toBe(false);
  expect(suite.verify(key.publicKey, message, new Uint8Array(64))).toBe(false);
});

test.each(suites)('$name: a second form of a signature is refused', (suite) => {
  const key = suite.signingKey(new Uint8Array(32).fill(2));
  const message = Uint8Array.of(1);
  const signature = key.sign(message);
  // S + L is the same number modulo L.
  const order = bytes('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');
  let carry = 0;
  for (let i = 0; i < 32; i += 1) {
    const sum = signature[32 + i] + order[i] + carry;
    signature[32 + i] = sum & 255;
    carry = sum >> 8;
  }
  expect(suite.verify(key.publicKey, message, signature)).toBe(false);
});

test("sealing is NaCl's box", () => {
  fc.assert(
    fc.property(secret, secret, fc.uint8Array({ maxLength: 200 }), (a, b, message) => {
      const own = nodeSuite.keyPair(a);
      const peer = nodeSuite.keyPair(b);
      const shared = nodeSuite.agreement(own)(peer.publicKey) ?? new Uint8Array(32);
      const nonce = new Uint8Array(24).fill(4);
      const key = boxKey(shared);
      const sealed = sealBox(message, nonce, key);
      expect(sealed).toEqual(nacl.box(message, nonce, peer.publicKey, a));
      expect(openBox(sealed, nonce, key)).toEqual(message);
      sealed[sealed.length - 1] ^= 1;
      expect(openBox(sealed, nonce, key)).toBeUndefined();
    }),
    { numRuns: 10 },
  );
});
