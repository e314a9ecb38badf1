import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { aggregateGroups, partitionCohort } from './groups.js';

const devices = (count: number): string[] => Array.from({ length: count }, (_, i) => `device-${i}`);

test('a partition has every device once, in groups of sizes that differ by one at most', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 20 }), (count, groups) => {
      fc.pre(count >= groups);
      const parts = partitionCohort(devices(count), groups, 1, 'seed');
      expect(parts.flat().sort()).toEqual(devices(count).sort());
      const sizes = parts.map(({ length }) => length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(parts.length).toBe(groups);
    }),
  );
});

test('the seed decides the partition, the order of the cohort does not', () => {
  const cohort = devices(30);
  const parts = partitionCohort(cohort, 5, 3, 'round 1');
  expect(partitionCohort([...cohort].reverse(), 5, 3, 'round 1')).toEqual(parts);
  expect(partitionCohort(cohort, 5, 3, 'round 2')).not.toEqual(parts);
});

test('two devices meet in a group as often as chance has it', () => {
  const cohort = devices(20);
  let together = 0;
  for (let round = 0; round < 2000; round += 1) {
    const parts = partitionCohort(cohort, 5, 4, `round ${round}`);
    if (parts.some((part) => part.includes('device-0') && part.includes('device-1'))) together += 1;
  }
  // 3 of the 19 others share a group: 315.8 of 2,000 expected, 16.3 standard deviation.
  expect(Math.abs(together - 315.8)).toBeLessThan(4 * 16.3);
});

test('groups that would say too much of their members are refused', () => {
  expect(() => partitionCohort(devices(11), 4, 3, 's')).toThrow(
    expect.objectContaining({ code: 'too-few-updates', field: 'groups' }),
  );
  for (const groups of [0, -1, 1.5]) {
    expect(() => partitionCohort(devices(11), groups, 1, 's')).toThrow(
      expect.objectContaining({ code: 'invalid-field', field: 'groups' }),
    );
  }
});

test('hostile members spoil their groups, and the aggregate holds while fewer than half are spoiled', async () => {
  const cohort = devices(40);
  const hostile = new Set(['device-3', 'device-17']);
  const groups = partitionCohort(cohort, 8, 5, 'seed').map((members) => ({
    mean: Float32Array.of(
      members.reduce(
        (sum, member) => sum + (hostile.has(member) ? -1e6 : 1 + Number(member.slice(7)) / 400),
        0,
      ) / members.length,
    ),
    weight: members.length,
  }));
  for (const aggregation of [
    { kind: 'median' },
    { kind: 'trimmed-mean', share: 0.25 },
    { kind: 'geometric-median', smoothing: 1e-6, iterations: 64 },
  ] as const) {
    const [value] = await aggregateGroups(aggregation, groups);
    expect(value).toBeGreaterThanOrEqual(1);
    expect(value).toBeLessThanOrEqual(1.1);
  }
});

test('groups of one device each are the updates themselves, and one group is its mean', async () => {
  const groups = [1, 5, 2].map((value) => ({ mean: Float32Array.of(value), weight: 1 }));
  expect(await aggregateGroups({ kind: 'median' }, groups)).toEqual(Float32Array.of(2));
  expect(await aggregateGroups({ kind: 'median' }, groups.slice(1, 2))).toEqual(Float32Array.of(5));
});
