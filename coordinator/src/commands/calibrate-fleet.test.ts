import { chooseRange, fleetLayout, RangeSketch, sketchLength } from '@starling/engine';
import { expect, test } from 'vitest';
import { sketchesOf } from './calibrate-fleet.js';

test('crumbs that rounding leaves in empty buckets do not widen a range', () => {
  const sketch = new RangeSketch(fleetLayout);
  sketch.add(Float32Array.from({ length: 4000 }, (_, i) => Math.sin(i) * 3));
  const crumbs = (at: number): number => 0.002 * Math.sin(at * 12.9898);
  const histogram = Array.from(sketch.counts, (count, at) => count / 40 + crumbs(at));
  const found = sketchesOf({ kind: 'activations', count: 100, histograms: [histogram], noise: 0 }, ['x']).get(
    'x',
  );
  const range = chooseRange(found ?? new RangeSketch(fleetLayout), { method: 'minmax' });
  expect(range.maximum).toBeGreaterThanOrEqual(3);
  expect(range.maximum).toBeLessThan(3.2);
  expect(range.minimum).toBeGreaterThan(-3.2);
});

test('an answer about another model is refused', () => {
  const histograms = [new Array<number>(sketchLength(fleetLayout)).fill(1)];
  const answer = { kind: 'activations', count: 1, histograms, noise: 0 } as const;
  expect(() => sketchesOf(answer, ['x', 'y'])).toThrow(/another model/);
  expect(() => sketchesOf({ kind: 'count', count: 1 }, ['x'])).toThrow(/another model/);
});
