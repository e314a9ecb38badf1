/**
 * No secret is shorter than it looks. Frameworks have folded 256 bits into the 32 of a generator's seed: everything still
 * sums up and looks random, and whoever tries 2^32 seeds reads an update.
 */
import { expect, test } from 'vitest';
import { createSeededEntropy, type Entropy } from '../ports/index.js';
import { acceptShares, advertiseKeys, maskUpdate, type ReadyClient, shareKeys } from './client/index.js';
import type { KeySuite } from './keys/index.js';
import { createKeyStream } from './masks/index.js';
import { pairMask, selfMask } from './secrets.js';
import { lenientPolicy, planHash } from './testing/fleet.js';
import { proceeded, runStages } from './testing/stages.js';

const secretBits = 256;
const ringBits = 12;
const vectorLength = 128;
const stages = runStages({ devices: 4, round: { ringBits, vectorLength } });
const { fleet, round, rosters, advertised, shared, delivered } = stages;

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = new Uint8Array(bytes);
  changed[bit >> 3] ^= 1 << (bit & 7);
  return changed;
}

/** What device 0 draws in stage 2, one bit of it changed: first 32 bytes for the self mask, then for shares. */
function drawing(bit: number | undefined): Entropy {
  const source = fleet.entropyOf(0).fork('shares');
  let drawn = 0;
  return {
    bytes(length) {
      const bytes = source.bytes(length);
      const at = bit === undefined ? -1 : bit - 8 * drawn;
      drawn += length;
      return at >= 0 && at < 8 * length ? flipped(bytes, at) : bytes;
    },
  };
}

/** Device 0 agrees with its neighbours on secrets of which one bit is another. */
function agreeing(bit: number): KeySuite {
  const { suite } = fleet;
  return {
    ...suite,
    agreement: (pair) => {
      const agree = suite.agreement(pair);
      return (peer) => {
        const secret = agree(peer);
        return secret && flipped(secret, bit);
      };
    },
  };
}

/** The upload of a vector of zeros: the sum of the masks, and nothing else. */
function uploadOf(ready: ReadyClient): Uint8Array {
  return proceeded(maskUpdate(ready, new Uint32Array(vectorLength))).message.packed;
}

/** Each differs from every other in about half of its bits. */
function expectUnrelated(uploads: readonly Uint8Array[]): void {
  const bits = 8 * uploads[0].length;
  for (const [i, upload] of uploads.entries()) {
    for (const other of uploads.slice(i + 1)) {
      let differing = 0;
      for (let at = 0; at < upload.length; at += 1) {
        for (let rest = upload[at] ^ other[at]; rest > 0; rest &= rest - 1) differing += 1;
      }
      // Seven standard deviations: none of 2^15 pairs is beyond them in 10^7 such tests.
      expect(Math.abs(differing - bits / 2)).toBeLessThan(3.5 * Math.sqrt(bits));
    }
  }
}

test('an upload depends on each of the 256 bits that a device draws for its self mask', () => {
  const uploads = [undefined, ...Array(secretBits).keys()].map((bit) => {
    const state = proceeded(
      shareKeys(advertised[0], rosters[0], fleet.trust, drawing(bit), fleet.suite),
    ).state;
    return uploadOf(proceeded(acceptShares(state, delivered[0], fleet.suite)).state);
  });
  expect(uploads[0]).toEqual(uploadOf(proceeded(acceptShares(shared[0], delivered[0], fleet.suite)).state));
  expectUnrelated(uploads);
});

test('an upload depends on each of the 256 bits that a device agrees on with a neighbour', () => {
  const uploads = Array.from({ length: secretBits }, (_, bit) =>
    uploadOf(proceeded(acceptShares(shared[0], delivered[0], agreeing(bit))).state),
  );
  expectUnrelated(uploads);
});

test('keys depend on each bit that is drawn for them, but for the five that X25519 sets itself', () => {
  const drawn = createSeededEntropy('keys').bytes(64);
  const keysFor = (bit: number | undefined): readonly string[] => {
    const bytes = bit === undefined ? drawn : flipped(drawn, bit);
    let used = 0;
    const entropy: Entropy = {
      bytes(length) {
        used += length;
        return bytes.slice(used - length, used);
      },
    };
    const [identity] = fleet.identities;
    const { suite } = fleet;
    const { message } = proceeded(
      advertiseKeys({ round, identity, policy: lenientPolicy, planHash, entropy, suite }),
    );
    expect(used).toBe(64);
    return [message.sealKey, message.maskKey].map((key) => Buffer.from(key).toString('hex'));
  };
  const [sealKey, maskKey] = keysFor(undefined);
  const sealKeys = new Set([sealKey]);
  const maskKeys = new Set([maskKey]);
  for (let bit = 0; bit < 2 * secretBits; bit += 1) {
    const keys = keysFor(bit);
    sealKeys.add(keys[0]);
    maskKeys.add(keys[1]);
  }
  // RFC 7748, section 5: the lowest three bits and the highest are cleared, the one below it is set.
  expect(sealKeys.size).toBe(1 + secretBits - 5);
  expect(maskKeys.size).toBe(1 + secretBits - 5);
});

test('another round, and another device, has other masks of the same secrets', () => {
  const uploads = [3, 4].flatMap((number) => {
    const other = runStages({ devices: 4, round: { round: number, ringBits, vectorLength } });
    const [first] = other.shared;
    // The secrets are the first round's: only the roster, and with it the salt, is another.
    const secrets = { maskPair: shared[0].maskPair, selfMaskSecret: shared[0].selfMaskSecret };
    return [0, 1].map((device) => {
      const state = { ...first, ...secrets, cohort: other.shared[device].cohort };
      return uploadOf(proceeded(acceptShares(state, other.delivered[device], fleet.suite)).state);
    });
  });
  expectUnrelated(uploads);
});

test('2^18 secrets give 2^18 key streams', () => {
  // However a secret were squeezed through 32 bits, by a hash or a generator's seed, some of them would meet: 4 pairs are
  // expected if each kind of mask did that by itself, 8 if what follows did; none with 64 bits or more.
  const count = 2 ** 18;
  const roster = new Uint8Array(32).fill(1);
  const secrets = createSeededEntropy('many secrets');
  const heads = new BigUint64Array(count);
  for (let i = 0; i < count; i += 1) {
    const secret = secrets.bytes(32);
    const { key } = i % 2 === 0 ? selfMask(secret, roster, 3) : pairMask(secret, roster, 3, 9);
    const stream = createKeyStream(key).next(16);
    heads[i] = new DataView(stream.buffer, stream.byteOffset).getBigUint64(0);
  }
  heads.sort();
  let met = 0;
  for (let i = 1; i < count; i += 1) if (heads[i] === heads[i - 1]) met += 1;
  expect(met).toBe(0);
});
