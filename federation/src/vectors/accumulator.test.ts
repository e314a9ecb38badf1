import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSeededEntropy, shuffle, uniform, uniformInteger } from '../ports/index.js';
import {
  type Accumulator,
  createAccumulator,
  isExact,
  mean,
  mergeAccumulators,
  roundWeight,
} from './accumulator.js';
import { encodeUpdate, float32Encoding, stochastic8BitEncoding, type UpdateEncoding } from './encoding.js';
import { createUpdateFolder, foldUpdate } from './update-folder.js';

interface Update {
  readonly payload: Uint8Array;
  readonly encoding: UpdateEncoding;
  readonly weight: number;
}

/** Updates of both encodings whose magnitudes span nine decades, with whole and broken weights. */
function makeUpdates(seed: number, count: number, parameterCount: number): Update[] {
  const random = createSeededEntropy(seed);
  return Array.from({ length: count }, (_, k) => {
    const delta = Float32Array.from(
      { length: parameterCount },
      () => (uniform(random) - 0.5) * 10 ** (uniformInteger(random, 9) - 7),
    );
    const encoding = k % 3 === 0 ? stochastic8BitEncoding : float32Encoding;
    const examples = 1 + uniformInteger(random, 6_000);
    return {
      payload: encodeUpdate(delta, encoding, random).slice(),
      encoding,
      weight: k % 4 === 0 ? examples / Math.sqrt(1 + k) : examples,
    };
  });
}

/** Folds the updates in a random order, their chunks interleaved, into some accumulators that are merged in the end. */
function foldRandomly(updates: readonly Update[], parameterCount: number, seed: number) {
  const random = createSeededEntropy(seed);
  const parts = Array.from({ length: 1 + uniformInteger(random, 3) }, () =>
    createAccumulator(parameterCount),
  );
  const open = shuffle(random, [...updates]).map((update) => ({
    rest: update.payload,
    folder: createUpdateFolder(parts[uniformInteger(random, parts.length)], update.encoding, update.weight),
  }));
  while (open.length > 0) {
    const at = uniformInteger(random, Math.min(open.length, 3));
    const turn = open[at];
    const size = 1 + uniformInteger(random, 900);
    turn.folder.push(turn.rest.subarray(0, size));
    turn.rest = turn.rest.subarray(size);
    if (turn.rest.length === 0) {
      turn.folder.finish();
      open.splice(at, 1);
    }
  }
  const [total, ...others] = shuffle(random, parts);
  for (const other of others) mergeAccumulators(total, other);
  return total;
}

const bits = (accumulator: Accumulator): string =>
  Buffer.from(accumulator.sums.slice().buffer).toString('base64');

test('sums do not depend on order, chunking, interleaving or merging, bit for bit', () => {
  const parameterCount = 1_500;
  const updates = makeUpdates(1, 12, parameterCount);
  const inOrder = createAccumulator(parameterCount);
  for (const { payload, encoding, weight } of updates) {
    foldUpdate(inOrder, payload, encoding, weight);
  }
  expect(isExact(inOrder)).toBe(true);
  for (let seed = 0; seed < 40; seed += 1) {
    const shuffled = foldRandomly(updates, parameterCount, seed);
    expect(bits(shuffled)).toBe(bits(inOrder));
    expect(shuffled.weight).toBe(inOrder.weight);
    expect(shuffled.count).toBe(12);
    expect(shuffled.magnitudeBound).toBe(inOrder.magnitudeBound);
  }
});

test('the same updates, simply added, would depend on their order', () => {
  const updates = makeUpdates(1, 12, 1_500).filter(({ encoding }) => encoding.kind === 'float32');
  const plain = (order: readonly Update[]): Float64Array => {
    const sums = new Float64Array(1_500);
    for (const { payload, weight } of order) {
      new Float32Array(payload.buffer).forEach((value, i) => {
        sums[i] += weight * value;
      });
    }
    return sums;
  };
  expect(plain(updates)).not.toEqual(plain(updates.toReversed()));
});

test('the mean of K updates is their weighted mean to 1e-6', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }).chain((parameterCount) =>
        fc.array(
          fc.record({
            delta: fc.array(fc.double({ min: -2, max: 2, noNaN: true }), {
              minLength: parameterCount,
              maxLength: parameterCount,
            }),
            weight: fc.oneof(
              fc.integer({ min: 1, max: 10_000 }),
              fc.double({ min: 0.05, max: 1, noNaN: true }),
            ),
          }),
          { minLength: 1, maxLength: 12 },
        ),
      ),
      (updates) => {
        const parameterCount = updates[0].delta.length;
        const accumulator = createAccumulator(parameterCount);
        for (const { delta, weight } of updates) {
          const payload = encodeUpdate(Float32Array.from(delta), float32Encoding, createSeededEntropy(0));
          foldUpdate(accumulator, payload, float32Encoding, weight);
        }
        // Independently: normalised weights first, then a sum over updates, in plain doubles.
        const total = updates.reduce((sum, { weight }) => sum + weight, 0);
        const means = mean(accumulator);
        for (let i = 0; i < parameterCount; i += 1) {
          const expected = updates.reduce((sum, { delta, weight }) => sum + (weight / total) * delta[i], 0);
          // A weight is rounded to 2^-20, the mean to f32.
          const weightError = (2 * updates.length * 2 ** -21) / total;
          expect(Math.abs(means[i] - expected)).toBeLessThan(1e-6 + 2 * weightError);
        }
      },
    ),
  );
});

test('a contribution is rounded to the nearest multiple of 2^-30, at both ends of its range', () => {
  fc.assert(
    fc.property(fc.double({ min: -(2 ** 21), max: 2 ** 21, noNaN: true }), (value) => {
      const single = Math.fround(value);
      const accumulator = createAccumulator(1);
      foldUpdate(accumulator, new Uint8Array(Float32Array.of(single).buffer), float32Encoding, 1);
      const units = accumulator.sums[0] * 2 ** 30;
      expect(Number.isSafeInteger(units)).toBe(true);
      expect(Math.abs(accumulator.sums[0] - single)).toBeLessThanOrEqual(2 ** -31);
      expect(isExact(accumulator)).toBe(true);
    }),
  );
});

test('past the range, isExact says so and the sums stay right to f64 precision', () => {
  const big = new Uint8Array(Float32Array.of(2 ** 21).buffer);
  const fill = (times: number): Accumulator => {
    const accumulator = createAccumulator(1);
    for (let i = 0; i < times; i += 1) foldUpdate(accumulator, big, float32Encoding, 1);
    return accumulator;
  };
  expect(isExact(fill(4))).toBe(true);
  expect(isExact(fill(5))).toBe(false);
  expect([...mean(fill(5))]).toEqual([2 ** 21]);

  const single = createAccumulator(1);
  foldUpdate(single, big, float32Encoding, 1.5);
  expect(isExact(single)).toBe(false);
  expect(single.sums[0]).toBe(1.5 * 2 ** 21);

  const merged = fill(3);
  mergeAccumulators(merged, fill(2));
  expect(isExact(merged)).toBe(false);
});

test('the bound holds what the elements can reach, for both encodings', () => {
  const delta = Float32Array.of(-0.25, 3, -7.5, 1);
  for (const encoding of [float32Encoding, stochastic8BitEncoding]) {
    const accumulator = createAccumulator(4);
    const payload = encodeUpdate(delta, encoding, createSeededEntropy(3));
    foldUpdate(accumulator, payload, encoding, 100);
    expect(accumulator.magnitudeBound).toBeGreaterThanOrEqual(750);
    expect(accumulator.magnitudeBound).toBeLessThanOrEqual(757);
  }
});

test('weights that cannot count are refused before anything changes', () => {
  const accumulator = createAccumulator(1);
  const payload = new Uint8Array(4);
  for (const weight of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, 1e-8]) {
    expect(() => foldUpdate(accumulator, payload, float32Encoding, weight)).toThrow(
      expect.objectContaining({ code: 'invalid-weight' }),
    );
  }
  expect(accumulator).toEqual(createAccumulator(1));
  expect(roundWeight(0.1) * 2 ** 20).toBe(Math.round(0.1 * 2 ** 20));
  expect([roundWeight(2 ** 31), roundWeight(2 ** -20)]).toEqual([2 ** 31, 2 ** -20]);
});

test('nothing has no mean, and other models do not merge', () => {
  expect(() => mean(createAccumulator(2))).toThrow(expect.objectContaining({ code: 'empty' }));
  expect(() => mergeAccumulators(createAccumulator(2), createAccumulator(3))).toThrow(
    expect.objectContaining({ code: 'wrong-length' }),
  );
});
