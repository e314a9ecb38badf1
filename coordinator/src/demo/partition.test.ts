import { readMnist } from '@starling/engine';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitByShards, splitEvenly } from './partition.js';

const classesOf = (labels: Uint8Array, part: Uint32Array): number =>
  new Set(Array.from(part, (index) => labels[index])).size;

function expectEveryExampleOnce(parts: readonly Uint32Array[], count: number): void {
  const all = parts.flatMap((part) => [...part]).sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: count }, (_, index) => index));
}

test('shards of MNIST: every image once, few classes an agent, most have two', async () => {
  const { labels } = await readMnist('train');
  const parts = splitByShards(labels, 10, 1);
  expectEveryExampleOnce(parts, 60_000);
  expect(parts.map((part) => part.length)).toEqual(Array(10).fill(6000));
  const classes = parts.map((part) => classesOf(labels, part));
  // A shard may lie across the border of two classes, so four is the most there can be.
  expect(Math.max(...classes)).toBeLessThanOrEqual(4);
  expect(classes.reduce((sum, count) => sum + count, 0) / 10).toBeLessThan(3.5);
});

test('IID: every image once, all classes at every agent', async () => {
  const { labels } = await readMnist('train');
  const parts = splitEvenly(60_000, 10, 1);
  expectEveryExampleOnce(parts, 60_000);
  for (const part of parts) expect(classesOf(labels, part)).toBe(10);
});

test('any number of agents gets every example exactly once, in parts of nearly one size', () => {
  const input = fc.record({
    labels: fc.uint8Array({ max: 9, minLength: 200, maxLength: 400 }),
    agents: fc.integer({ min: 1, max: 40 }),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(input, ({ labels, agents, seed }) => {
      for (const parts of [splitByShards(labels, agents, seed), splitEvenly(labels.length, agents, seed)]) {
        expect(parts).toHaveLength(agents);
        expectEveryExampleOnce(parts, labels.length);
        const sizes = parts.map((part) => part.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(2);
      }
    }),
    { numRuns: 50 },
  );
});

test('a seed decides the split', () => {
  const labels = Uint8Array.from({ length: 1000 }, (_, index) => index % 10);
  expect(splitByShards(labels, 10, 7)).toEqual(splitByShards(labels, 10, 7));
  expect(splitByShards(labels, 10, 7)).not.toEqual(splitByShards(labels, 10, 8));
  expect(splitEvenly(1000, 10, 7)).not.toEqual(splitEvenly(1000, 10, 8));
});
