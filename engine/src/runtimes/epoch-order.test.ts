import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dropoutSeed, EpochOrder } from './epoch-order.js';

test('every epoch has every example once, in an order of its own that the seed decides', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer(), (count, seed) => {
      const order = new EpochOrder(count, seed);
      const first = [...order.at(0)];
      const second = [...order.at(1)];
      const all = Array.from({ length: count }, (_, index) => index);
      expect([...first].sort((a, b) => a - b)).toEqual(all);
      expect([...second].sort((a, b) => a - b)).toEqual(all);
      expect([...new EpochOrder(count, seed).at(1)]).toEqual(second);
      if (count > 20) {
        expect(first).not.toEqual(all);
        expect(second).not.toEqual(first);
        expect([...new EpochOrder(count, seed + 1).at(0)]).not.toEqual(first);
      }
    }),
  );
});

test('each place gets each example equally often', () => {
  const trials = 6000;
  const counts = Array.from({ length: 3 }, () => [0, 0, 0]);
  for (let seed = 0; seed < trials; seed++) {
    new EpochOrder(3, seed).at(0).forEach((example, place) => {
      counts[place][example]++;
    });
  }
  // 2,000 expected, with a standard deviation of 37.
  for (const count of counts.flat()) expect(Math.abs(count - 2000)).toBeLessThan(200);
});

test('steps have dropout seeds of their own', () => {
  const seeds = Array.from({ length: 1000 }, (_, step) => dropoutSeed(3, step));
  expect(new Set(seeds).size).toBe(1000);
  expect(dropoutSeed(4, 0)).not.toBe(seeds[0]);
});
