import { expect, test } from 'vitest';
import { type Entropy, randomId, shuffle, uint32, uniform, uniformInteger } from './entropy.js';
import { createSeededEntropy } from './seeded-entropy.js';

/** Entropy that gives the listed bytes and nothing else. */
function listed(...bytes: number[]): Entropy {
  let used = 0;
  return {
    bytes(length) {
      used += length;
      if (used > bytes.length) throw new Error('no bytes left');
      return Uint8Array.from(bytes.slice(used - length, used));
    },
  };
}

/** Σ (observed - expected)² / expected over the cells. */
function chiSquared(observed: readonly number[], expected: number): number {
  return observed.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

test('uint32 reads four bytes, the least first', () => {
  expect(uint32(listed(1, 2, 3, 4))).toBe(0x04030201);
  expect(uint32(listed(255, 255, 255, 255))).toBe(2 ** 32 - 1);
});

test('uniform covers [0, 1) without reaching 1', () => {
  expect(uniform(listed(0, 0, 0, 0, 0, 0, 0, 0))).toBe(0);
  expect(uniform(listed(...Array<number>(8).fill(255)))).toBe(1 - 2 ** -53);
  const entropy = createSeededEntropy('uniform');
  const cells = Array<number>(20).fill(0);
  for (let i = 0; i < 20_000; i += 1) cells[Math.floor(uniform(entropy) * 20)] += 1;
  // 43.8 is the 0.999 quantile of chi-squared with 19 degrees of freedom.
  expect(chiSquared(cells, 1_000)).toBeLessThan(43.8);
});

test('uniformInteger draws again where the modulo would favour small numbers', () => {
  // 2^32 = 4 (mod 12): the last four draws are refused.
  expect(uniformInteger(listed(255, 255, 255, 255, 25, 0, 0, 0), 12)).toBe(1);
  expect(uniformInteger(listed(251, 255, 255, 255), 12)).toBe((2 ** 32 - 5) % 12);
  expect(uniformInteger(listed(255, 255, 255, 255), 2 ** 32)).toBe(2 ** 32 - 1);
  for (const bound of [0, 1.5, -3, 2 ** 32 + 1]) {
    expect(() => uniformInteger(listed(), bound)).toThrow(RangeError);
  }
});

test('shuffle makes every order equally often', () => {
  const entropy = createSeededEntropy('shuffle');
  const counts = new Map<string, number>();
  for (let i = 0; i < 6_000; i += 1) {
    const order = shuffle(entropy, ['a', 'b', 'c']).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
  // 20.5 is the 0.999 quantile of chi-squared with 5 degrees of freedom.
  expect(chiSquared([...counts.values()], 1_000)).toBeLessThan(20.5);
});

test('randomId has the form of a version 4 UUID', () => {
  expect(randomId(listed(...Array<number>(16).fill(255)))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
  expect(randomId(listed(...Array<number>(16).fill(0)))).toBe('00000000-0000-4000-8000-000000000000');
});
