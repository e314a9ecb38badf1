/** Repeatable values and shapes for property tests. */
import fc from 'fast-check';
import type { Dense } from '../onnx/evaluation/index.js';
import { elementCount } from '../onnx/index.js';

/** What a check draws from: numbers that all differ, none near 0, so that no derivative jumps within a step. */
export interface SampleRange {
  readonly low: number;
  readonly high: number;
}

export const around0: SampleRange = { low: -2, high: 2 };
export const positive: SampleRange = { low: 0.5, high: 3 };

/** A generator of numbers in [0, 1) (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Distinct evenly spaced numbers in shuffled order; those of a symmetric range are at least half a step from 0. */
export function sample(shape: readonly number[], seed: number, range: SampleRange = around0): Dense {
  const count = elementCount(shape);
  const next = uniform(seed);
  const slots = count + (count % 2);
  const values = Float64Array.from({ length: slots }, (_, i) =>
    Math.fround(range.low + ((i + 0.5) / slots) * (range.high - range.low)),
  );
  for (let i = slots - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [values[i], values[j]] = [values[j], values[i]];
  }
  return { dataType: 'float32', shape, data: values.slice(0, count) };
}

/** Two samples that have no number in common, so that a maximum of them has no ties. */
export function samplePair(
  a: readonly number[],
  b: readonly number[],
  seed: number,
  range: SampleRange,
): readonly [Dense, Dense] {
  const countA = elementCount(a);
  const { dataType, data } = sample([countA + elementCount(b)], seed, range);
  return [
    { dataType, shape: a, data: data.slice(0, countA) },
    { dataType, shape: b, data: data.slice(countA) },
  ];
}

export const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

/** Shapes of few elements. */
export const shapes = (minLength: number, maxLength: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: 4 }), { minLength, maxLength });

/** A shape that broadcasts to `shape`: leading axes may be missing, others may be 1. */
export function broadcastable(shape: readonly number[]): fc.Arbitrary<number[]> {
  return fc
    .tuple(
      fc.integer({ min: 0, max: shape.length }),
      fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
    )
    .map(([drop, ones]) => shape.map((size, axis) => (ones[axis] ? 1 : size)).slice(drop));
}
