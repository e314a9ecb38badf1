import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  clientIndices,
  dirichletLabelPartition,
  dirichletQuantityPartition,
  iidPartition,
  naturalPartition,
  type Partition,
  shardPartition,
} from './index.js';

const count = 400;
const labels = Int32Array.from({ length: count }, (_, index) => (index * 7) % 10);

const makers: Readonly<Record<string, (clients: number, seed: number) => Partition>> = {
  iid: (clients, seed) => iidPartition(count, clients, seed),
  shards: (clients, seed) => shardPartition(labels, clients, 2, seed),
  'dirichlet by label': (clients, seed) => dirichletLabelPartition(labels, clients, 0.3, 2, seed),
  'dirichlet by quantity': (clients, seed) => dirichletQuantityPartition(count, clients, 0.3, 2, seed),
};

const parts = (partition: Partition): readonly (readonly number[])[] =>
  Array.from({ length: partition.clients }, (_, client) => [...clientIndices(partition, client)]);

test.each(Object.entries(makers))(
  '%s gives every example to exactly one client, by its seed alone',
  (_, make) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        (clients, seed) => {
          const partition = make(clients, seed);
          expect(partition.clients).toBe(clients);
          expect(
            parts(partition)
              .flat()
              .sort((a, b) => a - b),
          ).toEqual(Array.from(labels.keys()));
          expect(Math.min(...parts(partition).map(({ length }) => length))).toBeGreaterThanOrEqual(2);
          expect(parts(make(clients, seed))).toEqual(parts(partition));
        },
      ),
      { numRuns: 20 },
    );
  },
);

const classesOf = (part: readonly number[]): number => new Set(part.map((index) => labels[index])).size;
const meanClasses = (partition: Partition): number =>
  parts(partition).reduce((sum, part) => sum + classesOf(part), 0) / partition.clients;

test('two shards are few classes, a random sample is nearly all', () => {
  expect(meanClasses(shardPartition(labels, 20, 2, 1))).toBeLessThanOrEqual(3);
  expect(meanClasses(iidPartition(count, 20, 1))).toBeGreaterThan(8);
});

test('a smaller alpha is a harder partition', () => {
  const classes = [0.05, 0.5, 50].map((alpha) =>
    meanClasses(dirichletLabelPartition(labels, 20, alpha, 1, 1)),
  );
  expect(classes).toEqual([...classes].sort((a, b) => a - b));
  const largest = [0.05, 0.5, 50].map((alpha) =>
    Math.max(...parts(dirichletQuantityPartition(count, 20, alpha, 1, 1)).map(({ length }) => length)),
  );
  expect(largest).toEqual([...largest].sort((a, b) => b - a));
});

test('a natural partition has one client for each value', () => {
  expect(parts(naturalPartition(Int32Array.of(5, 3, 5, 9, 3)))).toEqual([[0, 2], [1, 4], [3]]);
});
