import { expect, test } from 'vitest';
import { parseStrategy } from '../parse.js';
import { parseAggregation } from './parse.js';

test('names and objects give the whole definition; the mean needs none', () => {
  expect(parseAggregation('mean')).toBeUndefined();
  expect(parseAggregation({ kind: 'median' })).toEqual({ kind: 'median' });
  expect(parseAggregation('trimmed-mean')).toEqual({ kind: 'trimmed-mean', share: 0.2 });
  expect(parseAggregation({ kind: 'multi-krum', byzantine: 2 })).toEqual({
    kind: 'multi-krum',
    byzantine: 2,
    selected: null,
  });
  expect(parseAggregation('geometric-median')).toEqual({
    kind: 'geometric-median',
    smoothing: 1e-6,
    iterations: 32,
  });
});

test('groups are kept where they are given', () => {
  expect(parseAggregation({ kind: 'median', groups: 5 })).toEqual({ kind: 'median', groups: 5 });
  expect(parseAggregation({ kind: 'trimmed-mean', groups: 10 })).toEqual({
    kind: 'trimmed-mean',
    share: 0.2,
    groups: 10,
  });
  expect(parseAggregation('median')).toEqual({ kind: 'median' });
});

test.each([
  ['unknown-aggregation', 'krumm', 'mean, krum, multi-krum'],
  ['unknown-aggregation', { kind: 'constructor' }, 'median'],
  ['unknown-aggregation', null, 'median'],
  ['unknown-field', { kind: 'median', share: 0.1 }, 'has none'],
  ['unknown-field', { kind: 'krum', f: 1 }, 'byzantine'],
  ['unknown-field', { kind: 'mean', byzantine: 1 }, 'has none'],
  ['unknown-field', { kind: 'krum', byzantine: 1, groups: 5 }, 'trimmed-mean, median, geometric-median are'],
  ['unknown-field', { kind: 'mean', groups: 5 }, 'not taken over groups'],
  ['invalid-field', { kind: 'median', groups: 0 }, 'integer from 1 to 1000'],
  ['invalid-field', 'krum', 'byzantine'],
  ['invalid-field', { kind: 'krum', byzantine: 1.5 }, 'integer'],
  ['invalid-field', { kind: 'trimmed-mean', share: 0.5 }, '0.5'],
  ['invalid-field', { kind: 'multi-krum', byzantine: 1, selected: 0 }, 'selected'],
  ['invalid-field', { kind: 'norm-clipping' }, 'bound'],
  ['invalid-field', { kind: 'norm-clipping', bound: '1' }, 'positive'],
  ['invalid-field', { kind: 'geometric-median', iterations: 0 }, 'iterations'],
])('%s: %o', (code, input, words) => {
  expect(() => parseAggregation(input)).toThrow(
    expect.objectContaining({ code, field: 'aggregation', message: expect.stringContaining(words) }),
  );
});

test('a strategy with a robust aggregation counts updates the same unless told otherwise', () => {
  const strategy = parseStrategy({ kind: 'fedavgm', aggregation: 'median' });
  expect(strategy).toMatchObject({ weighting: 'uniform', aggregation: { kind: 'median' } });
  expect(parseStrategy(strategy)).toEqual(strategy);
  expect(parseStrategy({ kind: 'fedavg', aggregation: 'mean' })).toEqual(parseStrategy('fedavg'));
  expect(() => parseStrategy({ kind: 'fedavg', weighting: 'by-examples', aggregation: 'median' })).toThrow(
    expect.objectContaining({ code: 'invalid-field', field: 'weighting' }),
  );
  const weighted = { kind: 'fedavg', weighting: 'by-examples', aggregation: 'geometric-median' };
  expect(parseStrategy(weighted).weighting).toBe('by-examples');
});
