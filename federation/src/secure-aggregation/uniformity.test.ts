/** What the coordinator sees of one device says nothing of its update. */
import { expect, test } from 'vitest';
import { createSeededEntropy } from '../ports/index.js';
import { acceptShares, maskUpdate } from './client/index.js';
import { hkdf } from './masks/index.js';
import { kernelFor } from './ring/index.js';
import { pairMask, selfMask } from './secrets.js';
import { proceeded, runStages } from './testing/stages.js';

const ringBits = 12;
const vectorLength = 1 << 18;

/** What device 0 uploads for `element` in every place, in a round with secrets of its own. */
function upload(element: number, secrets: string, length = vectorLength): Uint8Array {
  const { shared, delivered, fleet } = runStages({
    devices: 4,
    round: { ringBits, vectorLength: length },
    secrets,
  });
  const ready = proceeded(acceptShares(shared[0], delivered[0], fleet.suite)).state;
  return proceeded(maskUpdate(ready, new Uint32Array(length).fill(element))).message.packed;
}

function elements(packed: Uint8Array, length = vectorLength): Uint32Array {
  const kernel = kernelFor(ringBits);
  const read = new Uint32Array(length);
  for (let from = 0; from < length; from += 65_536) {
    const to = Math.min(length, from + 65_536);
    kernel.load(read.subarray(from, to));
    kernel.add(packed.subarray((from / 8) * ringBits, (to / 8) * ringBits));
    kernel.store(read.subarray(from, to));
  }
  return read;
}

/** Standard normal quantile of 1 - 1e-4 two-sided. */
const z = 3.89;

/** Chi-squared less its mean, in standard deviations: near normal for many cells. */
function chiSquaredZ(counts: Float64Array, expected: number): number {
  const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  return (chiSquared - (counts.length - 1)) / Math.sqrt(2 * (counts.length - 1));
}

for (const [name, element] of [
  ['zeros', 0],
  ['the largest elements', 2 ** ringBits - 1],
  ['a constant', 1_234],
] as const) {
  test(`an upload of ${name} is uniform over the whole ring`, () => {
    const packed = upload(element, `uniform ${name}`);
    const counts = new Float64Array(2 ** ringBits);
    for (const value of elements(packed)) counts[value] += 1;
    const expected = vectorLength / 2 ** ringBits;
    expect(Math.abs(chiSquaredZ(counts, expected))).toBeLessThan(z);
    // The extremes of the ring are as frequent as anything between.
    for (const extreme of [0, 1, 2 ** ringBits - 2, 2 ** ringBits - 1]) {
      expect(Math.abs(counts[extreme] - expected)).toBeLessThan(z * Math.sqrt(expected));
    }
  });

  test(`the bits of an upload of ${name} pass the frequency and the runs test`, () => {
    const packed = upload(element, `bits ${name}`);
    const bits = 8 * packed.length;
    let ones = 0;
    let runs = 1;
    let last = packed[0] & 1;
    for (let i = 0; i < bits; i += 1) {
      const bit = (packed[i >> 3] >> (i & 7)) & 1;
      ones += bit;
      if (bit !== last) runs += 1;
      last = bit;
    }
    // NIST SP 800-22, sections 2.1 and 2.3.
    const share = ones / bits;
    expect(Math.abs(ones - bits / 2)).toBeLessThan((z * Math.sqrt(bits)) / 2);
    expect(Math.abs(runs - 2 * bits * share * (1 - share))).toBeLessThan(
      2 * z * Math.sqrt(bits) * share * (1 - share),
    );
  });
}

test('an upload is as likely for one update as for another', () => {
  // Element 0 of fresh rounds, for two updates: both uniform over the ring's upper 4 bits. A fixed seed would put all
  // into one cell, for each update another.
  for (const element of [0, 2_222]) {
    const counts = new Float64Array(16);
    for (let i = 0; i < 80; i += 1) {
      counts[elements(upload(element, `view ${element} ${i}`, 128), 128)[0] >> 8] += 1;
    }
    const chiSquared = counts.reduce((sum, count) => sum + (count - 5) ** 2 / 5, 0);
    // 44.3 is the 0.9999 quantile with 15 degrees of freedom.
    expect(chiSquared).toBeLessThan(44.3);
  }
});

test('masks depend on all 256 bits of their secrets', () => {
  const roster = new Uint8Array(32).fill(1);
  const secret = createSeededEntropy('secret').bytes(32);
  const keysOf = [
    (bytes: Uint8Array) => selfMask(bytes, roster, 3).key,
    (bytes: Uint8Array) => pairMask(bytes, roster, 3, 9).key,
  ];
  for (const keyOf of keysOf) {
    const keys = new Set<string>([Buffer.from(keyOf(secret)).toString('hex')]);
    const everSet = new Uint8Array(32);
    const everClear = new Uint8Array(32);
    for (let bit = 0; bit < 256; bit += 1) {
      const changed = secret.slice();
      changed[bit >> 3] ^= 1 << (bit & 7);
      const key = keyOf(changed);
      expect(key.length).toBe(32);
      keys.add(Buffer.from(key).toString('hex'));
      for (let i = 0; i < 32; i += 1) {
        everSet[i] |= key[i];
        everClear[i] |= ~key[i];
      }
    }
    // No bit of the secret is folded away, and none of the key's is stuck.
    expect(keys.size).toBe(257);
    expect(everSet.every((byte) => byte === 255)).toBe(true);
    expect(everClear.every((byte) => byte === 255)).toBe(true);
  }
});

test('every purpose, pair, device and round has a mask of its own', () => {
  const secret = new Uint8Array(32).fill(1);
  const rosters = [new Uint8Array(32).fill(2), new Uint8Array(32).fill(3)];
  const keys = rosters.flatMap((roster) => [
    selfMask(secret, roster, 0).key,
    selfMask(secret, roster, 1).key,
    pairMask(secret, roster, 0, 1).key,
    pairMask(secret, roster, 0, 2).key,
    pairMask(secret, roster, 1, 2).key,
    hkdf(secret, roster, new Uint8Array(0)),
  ]);
  expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(12);
  expect(pairMask(secret, rosters[0], 1, 0)).toEqual({
    key: pairMask(secret, rosters[0], 0, 1).key,
    sign: 'subtract',
  });
});
