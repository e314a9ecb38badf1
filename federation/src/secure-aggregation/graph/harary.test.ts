import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createGraph, neighboursOf } from './harary.js';

const seed = new Uint8Array(32).fill(1);

test('every device has `degree` distinct neighbours, and is the neighbour of each of them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 120 }), fc.integer({ min: 1, max: 59 }), (devices, half) => {
      const degree = Math.min(2 * half, devices - 1);
      const graph = createGraph(devices, degree, seed);
      const neighbours = Array.from({ length: devices }, (_, device) => neighboursOf(graph, device));
      const sets = neighbours.map((list) => new Set(list));
      for (const [device, list] of neighbours.entries()) {
        expect(sets[device].size).toBe(degree);
        expect(sets[device].has(device)).toBe(false);
        expect(list).toEqual(list.toSorted((a, b) => a - b));
        expect(list.every((other) => sets[other].has(device))).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

test('removing fewer than `degree` devices never takes the others apart', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 29 }), { maxLength: 7 }), (removed) => {
      const graph = createGraph(30, 8, seed);
      const left = new Set(Array.from({ length: 30 }, (_, i) => i).filter((i) => !removed.includes(i)));
      const [start] = left;
      const reached = new Set([start]);
      for (const device of reached) {
        for (const other of neighboursOf(graph, device)) if (left.has(other)) reached.add(other);
      }
      expect(reached).toEqual(left);
    }),
  );
});

test('the seed decides who is whose neighbour', () => {
  const list = (fill: number): number[] =>
    neighboursOf(createGraph(60, 10, new Uint8Array(32).fill(fill)), 0);
  expect(list(1)).toEqual(list(1));
  expect(list(1)).not.toEqual(list(2));
});

test('neighbours are spread evenly over the seeds', () => {
  const counts = Array<number>(20).fill(0);
  for (let i = 0; i < 2_000; i += 1) {
    const graph = createGraph(20, 4, Uint8Array.from([i % 256, i >> 8]));
    for (const other of neighboursOf(graph, 0)) counts[other] += 1;
  }
  const expected = (2_000 * 4) / 19;
  const chiSquared = counts.slice(1).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 42.3 is the 0.999 quantile with 18 degrees of freedom.
  expect(chiSquared).toBeLessThan(42.3);
});
