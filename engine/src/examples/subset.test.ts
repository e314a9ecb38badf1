import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ExampleSource } from '../runtimes/runtime.js';
import { sampleExamples, splitHoldout, subset } from './index.js';

/** Example `i` is the number `i`. */
function counting(count: number): ExampleSource {
  return {
    count,
    readFeatures: (indices, out) => out.set(indices),
    readTargets: (indices, out) => out.set(indices),
  };
}

function namesOf(source: ExampleSource): readonly number[] {
  const out = new Float32Array(source.count);
  source.readFeatures(
    Uint32Array.from({ length: source.count }, (_, index) => index),
    out,
  );
  return [...out];
}

test('a subset gives the chosen examples in the chosen order', () => {
  const part = subset(counting(10), Uint32Array.of(7, 3, 7));
  expect(namesOf(part)).toEqual([7, 3, 7]);
  expect(namesOf(subset(part, Uint32Array.of(1)))).toEqual([3]);
  expect(() => part.readFeatures(Uint32Array.of(3), new Float32Array(1))).toThrow(RangeError);
  expect(() => subset(counting(2), Uint32Array.of(2))).toThrow(RangeError);
});

const splits = fc.record({
  count: fc.integer({ min: 0, max: 400 }),
  permille: fc.integer({ min: 0, max: 1000 }),
  seed: fc.nat(),
});

test('a split shares no example, loses none, and is always the same', () => {
  fc.assert(
    fc.property(splits, ({ count, permille, seed }) => {
      const { training, heldOut } = splitHoldout(counting(count), permille, seed);
      const all = [...namesOf(training), ...namesOf(heldOut)].sort((a, b) => a - b);
      expect(all).toEqual(namesOf(counting(count)));
      expect(namesOf(splitHoldout(counting(count), permille, seed).heldOut)).toEqual(namesOf(heldOut));
    }),
  );
});

test('examples that are added later move none across the split', () => {
  fc.assert(
    fc.property(splits, fc.nat(100), ({ count, permille, seed }, more) => {
      const before = namesOf(splitHoldout(counting(count), permille, seed).heldOut);
      const after = namesOf(splitHoldout(counting(count + more), permille, seed).heldOut);
      expect(after.filter((name) => name < count)).toEqual(before);
    }),
  );
});

test('about the share asked for is held out', () => {
  const { heldOut } = splitHoldout(counting(100_000), 200, 0);
  // Four standard deviations of a binomial with p = 0.2 are 506.
  expect(Math.abs(heldOut.count - 20_000)).toBeLessThan(506);
});

test('a sample has distinct examples and another seed takes others', () => {
  const sample = (seed: number) => namesOf(sampleExamples(counting(1000), 100, seed));
  expect(new Set(sample(1)).size).toBe(100);
  expect(sample(1)).toEqual(sample(1));
  expect(sample(1)).not.toEqual(sample(2));
  expect(namesOf(sampleExamples(counting(5), 9, 1))).toEqual([0, 1, 2, 3, 4]);
});
