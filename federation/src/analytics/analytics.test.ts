import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSeededEntropy, uniform, uniformInteger } from '../ports/index.js';
import { AnalyticsError } from './errors.js';
import { formatQuery, parseQuery } from './parse.js';
import type { AnalyticsQuery, Statistic } from './query.js';
import { resultOf } from './result.js';
import { vectorLength, vectorNormMax, vectorOf } from './vector.js';

const query = (statistic: Statistic, valuesMax = 10_000): AnalyticsQuery => ({
  column: 'x',
  statistic,
  valuesMax,
});

/** The answer over several devices, as the rounds make it: vectors added up. */
function ask(asked: AnalyticsQuery, devices: readonly (readonly number[])[]) {
  const sums = new Float64Array(vectorLength(asked));
  for (const values of devices) {
    vectorOf(asked, values).forEach((value, i) => {
      sums[i] += value;
    });
  }
  return resultOf(asked, sums, 0);
}

const range = { minimum: -4, maximum: 12 };
const fleets = fc.array(fc.array(fc.integer({ min: -400, max: 1200 }), { maxLength: 30 }), {
  minLength: 1,
  maxLength: 8,
});

test('count, sum, mean and variance are those of all values together', () => {
  fc.assert(
    fc.property(fleets, (hundredths) => {
      const devices = hundredths.map((values) => values.map((value) => value / 100));
      const all = devices.flat();
      fc.pre(all.length > 0);
      const sum = all.reduce((total, value) => total + value, 0);
      const mean = sum / all.length;
      const variance = all.reduce((total, value) => total + (value - mean) ** 2, 0) / all.length;
      expect(ask(query({ kind: 'count' }), devices)).toEqual({ kind: 'count', count: all.length });
      const moments = ask(query({ kind: 'variance', ...range }), devices);
      expect(moments).toMatchObject({ kind: 'variance', count: all.length });
      if (moments.kind !== 'variance') return;
      expect(moments.mean).toBeCloseTo(mean, 4);
      expect(moments.variance).toBeCloseTo(variance, 3);
      expect(ask(query({ kind: 'mean', ...range }), devices)).toMatchObject({ mean: moments.mean });
      const total = ask(query({ kind: 'sum', ...range }), devices);
      expect(total.kind === 'sum' && total.sum).toBeCloseTo(sum, 2);
    }),
  );
});

test('a histogram counts every value once, outside of the range as well', () => {
  fc.assert(
    fc.property(fleets, fc.integer({ min: 1, max: 20 }), (devices, bins) => {
      const asked = query({ kind: 'histogram', minimum: 0, maximum: 1000, bins });
      const result = ask(asked, devices);
      if (result.kind !== 'histogram') throw new Error('a histogram was asked for');
      const all = devices.flat();
      expect(result.count).toBe(all.length);
      expect(result.below).toBe(all.filter((value) => value < 0).length);
      expect(result.above).toBe(all.filter((value) => value > 1000).length);
      result.counts.forEach((count, i) => {
        const [from, to] = [result.edges[i], result.edges[i + 1]];
        const last = i === bins - 1;
        const inside = all.filter((value) => value >= from && (value < to || (last && value <= to)));
        // An edge that is no double may take a neighbour in.
        const onEdge = all.filter((value) => Math.abs(value - from) < 1e-9 || Math.abs(value - to) < 1e-9);
        expect(Math.abs(count - inside.length)).toBeLessThanOrEqual(onEdge.length);
      });
    }),
  );
});

test('quantiles are right to within a bin', () => {
  fc.assert(
    fc.property(fleets, (devices) => {
      const all = devices.flat().sort((a, b) => a - b);
      fc.pre(all.length > 0);
      const wanted = [0.1, 0.5, 0.9];
      const asked = query({ kind: 'quantiles', minimum: -400, maximum: 1200, quantiles: wanted, bins: 1600 });
      const result = ask(asked, devices);
      if (result.kind !== 'quantiles') throw new Error('quantiles were asked for');
      expect(result.resolution).toBe(1);
      for (const { quantile, value } of result.quantiles) {
        const rank = Math.max(0, Math.ceil(quantile * all.length) - 1);
        expect(Math.abs(value - all[rank])).toBeLessThanOrEqual(1 + 1e-9);
      }
    }),
  );
});

test('heavy hitters are found among values that nobody listed, and rare ones are not', () => {
  const entropy = createSeededEntropy('heavy hitters');
  const frequent = [7, -3, 2 ** 31 - 1, -(2 ** 31), 0];
  const devices = Array.from({ length: 50 }, () =>
    Array.from({ length: 200 }, () =>
      uniform(entropy) < 0.5
        ? frequent[uniformInteger(entropy, frequent.length)]
        : uniformInteger(entropy, 2 ** 32) - 2 ** 31,
    ),
  );
  const result = ask(query({ kind: 'heavy-hitters', top: 10, share: 0.05 }), devices);
  if (result.kind !== 'heavy-hitters') throw new Error('heavy hitters were asked for');
  expect(result.count).toBe(10_000);
  expect(result.values.map(({ value }) => value).sort()).toEqual([...frequent].sort());
  const all = devices.flat();
  for (const { value, count } of result.values) {
    const exact = all.filter((each) => each === value).length;
    expect(Math.abs(count - exact)).toBeLessThan(100);
  }
});

test('no device’s vector is longer than what noise has to hide', () => {
  const statistics: Statistic[] = [
    { kind: 'count' },
    { kind: 'sum', ...range },
    { kind: 'mean', ...range },
    { kind: 'variance', ...range },
    { kind: 'histogram', ...range, bins: 7 },
    { kind: 'quantiles', ...range, quantiles: [0.5], bins: 9 },
    { kind: 'heavy-hitters', top: 3, share: 0.1 },
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...statistics),
      fc.array(fc.integer(), { maxLength: 40 }),
      (statistic, values) => {
        const asked = query(statistic, 40);
        const norm = Math.hypot(...vectorOf(asked, values));
        expect(norm).toBeLessThanOrEqual(vectorNormMax(asked) * (values.length / 40) * (1 + 1e-6));
      },
    ),
  );
  // The bound is reached: it is no larger than it must be.
  for (const statistic of statistics) {
    if (statistic.kind === 'heavy-hitters') continue;
    const asked = query(statistic, 40);
    const extreme = new Array(40).fill(range.maximum);
    expect(Math.hypot(...vectorOf(asked, extreme))).toBeCloseTo(vectorNormMax(asked), 4);
  }
});

test('values that a query cannot take are refused', () => {
  expect(() => vectorOf(query({ kind: 'count' }, 2), [1, 2, 3])).toThrow(AnalyticsError);
  expect(() => vectorOf(query({ kind: 'count' }), [Number.NaN])).toThrow(/not finite/);
  expect(() => vectorOf(query({ kind: 'heavy-hitters', top: 1, share: 0.5 }), [0.5])).toThrow(
    /whole numbers/,
  );
});

test('a query is the same after a journey as JSON, and strangers’ JSON is refused with the field’s name', () => {
  const asked = query({ kind: 'quantiles', ...range, quantiles: [0.25, 0.5], bins: 100 });
  expect(parseQuery(formatQuery(asked))).toEqual(asked);
  const refused = (change: object, field: string): void => {
    const json = JSON.stringify({ ...asked, ...change });
    expect(() => parseQuery(json)).toThrow(expect.objectContaining({ code: 'invalid-query', field }));
  };
  refused({ column: '' }, 'column');
  refused({ valuesMax: 0 }, 'valuesMax');
  refused({ extra: 1 }, 'query');
  refused({ statistic: { kind: 'median' } }, 'statistic.kind');
  refused({ statistic: { kind: 'count', bins: 3 } }, 'statistic');
  refused({ statistic: { kind: 'mean', minimum: 1, maximum: 1 } }, 'maximum');
  refused({ statistic: { kind: 'histogram', ...range, bins: 0 } }, 'bins');
  refused({ statistic: { kind: 'quantiles', ...range, bins: 4, quantiles: [0.5, 0.5] } }, 'quantiles');
  refused({ statistic: { kind: 'heavy-hitters', top: 1, share: 1 } }, 'share');
  expect(() => parseQuery('{')).toThrow(/not JSON/);
});
