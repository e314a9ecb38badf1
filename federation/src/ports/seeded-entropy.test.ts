import { createCipheriv, createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSeededEntropy } from './seeded-entropy.js';

test('the bytes are the AES-256-CTR key stream of the hashed seed', () => {
  const key = createHash('sha256').update('starling seeded entropy\0integer:42').digest();
  const expected = createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(40_000));
  expect(Buffer.from(createSeededEntropy(42).bytes(40_000)).equals(expected)).toBe(true);
});

test('how the bytes are split into draws does not change them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 12 }),
      fc.bigInt(),
      (lengths, seed) => {
        const split = createSeededEntropy(seed);
        const joined = Buffer.concat(lengths.map((length) => split.bytes(length)));
        expect(joined.equals(createSeededEntropy(seed).bytes(joined.length))).toBe(true);
      },
    ),
    { numRuns: 30 },
  );
});

test('seeds and labels name different streams; a fork does not depend on what was drawn', () => {
  const first = (entropy: { bytes(length: number): Uint8Array }): string =>
    Buffer.from(entropy.bytes(16)).toString('hex');
  const drawnFrom = createSeededEntropy(7);
  drawnFrom.bytes(1_000);
  expect(first(drawnFrom.fork('a'))).toBe(first(createSeededEntropy(7n).fork('a')));
  const streams = [
    createSeededEntropy(7),
    createSeededEntropy('7'),
    createSeededEntropy(8),
    createSeededEntropy(7).fork('a'),
    createSeededEntropy(7).fork('b'),
    createSeededEntropy(7).fork('a').fork('b'),
  ];
  expect(new Set(streams.map(first)).size).toBe(streams.length);
});

test('a number that is no safe integer is refused as a seed', () => {
  expect(() => createSeededEntropy(0.5)).toThrow(RangeError);
  expect(() => createSeededEntropy(2 ** 60)).toThrow(RangeError);
  expect(() => createSeededEntropy(1).bytes(-1)).toThrow(RangeError);
});
