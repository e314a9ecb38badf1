import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseModel } from '../models/index.js';
import { compilePlan } from '../plan/index.js';
import { examplesOf } from '../testing/examples.js';
import { ChunkBuffers, ChunkReader, dropoutSeed, EpochOrder } from './batches.js';
import { firstNonFinite } from './checks.js';

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

test('what a batch lacks is zeros of weight 0, even where another batch was before', () => {
  const { manifest } = compilePlan(
    parseModel({ kind: 'sequential', inputShape: [2], layers: [{ kind: 'dense', units: 3 }] }),
    { loss: { kind: 'softmax-cross-entropy' }, optimizer: { kind: 'sgd' }, batchSize: 3 },
  );
  const rows = [
    [1, 2],
    [3, 4],
    [5, 6],
  ];
  const reader = new ChunkReader(
    manifest,
    examplesOf(rows, [[0], [1], [2]]),
    3,
    new ChunkBuffers(manifest).take(6),
  );
  reader.read(0, Uint32Array.of(2, 1, 0), true);
  reader.read(1, Uint32Array.of(0, 1, 2), true);
  reader.read(1, Uint32Array.of(1), true);
  expect([...reader.arrays.features]).toEqual([5, 6, 3, 4, 1, 2, 3, 4, 0, 0, 0, 0]);
  expect([...reader.arrays.targets]).toEqual([2, 1, 0, 1, 0, 0]);
  expect([...reader.arrays.weights]).toEqual([1, 1, 1, 1, 0, 0]);
});

test('a plan cannot make a device allocate without bound', () => {
  const { manifest } = compilePlan(
    parseModel({ kind: 'sequential', inputShape: [1000], layers: [{ kind: 'dense', units: 3 }] }),
    { loss: { kind: 'softmax-cross-entropy' }, optimizer: { kind: 'sgd' }, batchSize: 1_000_000 },
  );
  const buffers = new ChunkBuffers(manifest);
  expect(() => buffers.take(manifest.batchSize)).toThrow(/smaller batchSize or chunkSteps/);
});

test('the first number that is not finite is found, wherever it is', () => {
  const property = fc.property(
    fc.float32Array({ noNaN: true, noDefaultInfinity: true }),
    fc.nat(),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    (values, at, wrong) => {
      expect(firstNonFinite(values)).toBe(-1);
      if (values.length === 0) return;
      const place = at % values.length;
      expect(firstNonFinite(values.with(place, wrong))).toBe(place);
    },
  );
  fc.assert(property, { numRuns: 300 });
});
