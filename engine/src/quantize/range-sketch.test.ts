import { expect, test } from 'vitest';
import { oracle } from '../testing/quantization.js';
import { chooseRange, fleetLayout, RangeSketch } from './index.js';

const laplace = (u: number): number => (u < 0.5 ? Math.log(2 * u) : -Math.log(2 * (1 - u)));
const distributions: Readonly<Record<string, (u: number) => number>> = {
  laplace,
  relu: (u) => Math.max(0, laplace(u)),
  logistic: (u) => Math.log(u / (1 - u)),
};

test.each(Object.keys(distributions))('percentile and entropy choose for %s values as others do', (name) => {
  const { percentile, entropy, migacz } = oracle.thresholds[name];
  const count = 200_000;
  const values = Float32Array.from({ length: count }, (_, i) => distributions[name]((i + 0.5) / count));
  const sketch = new RangeSketch();
  sketch.add(values);
  const kept = chooseRange(sketch, { method: 'percentile', percentile: 99.9 });
  expect(kept.maximum / percentile[1]).toBeGreaterThan(0.99);
  expect(kept.maximum / percentile[1]).toBeLessThan(1.01);
  const cut = chooseRange(sketch, { method: 'entropy' });
  // Where the divergence is flat, the histogram's bins decide.
  expect(cut.maximum / migacz).toBeGreaterThan(0.85);
  expect(cut.maximum / migacz).toBeLessThan(1.15);
  // That of ONNX Runtime counts half as many levels a side, so that it cuts off more.
  expect(cut.maximum).toBeGreaterThan(entropy[1]);
  const all = chooseRange(sketch, { method: 'minmax' });
  expect(all.maximum).toBe(values[count - 1]);
});

test('a sum of sketches is the sketch of all values, and says the range to its resolution', () => {
  const values = Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i) * (i % 50) * 0.1);
  const whole = new RangeSketch(fleetLayout);
  whole.add(values);
  const parts = [0, 1, 2].map((part) => {
    const sketch = new RangeSketch(fleetLayout);
    sketch.add(values.subarray(part * 1000, (part + 1) * 1000));
    return sketch;
  });
  const sum = whole.counts.map((_, at) => parts.reduce((total, { counts }) => total + counts[at], 0));
  expect(sum).toEqual(whole.counts);
  const range = chooseRange(new RangeSketch(fleetLayout, sum), { method: 'minmax' });
  expect(range.maximum / whole.maximum).toBeGreaterThanOrEqual(1);
  expect(range.maximum / whole.maximum).toBeLessThan(1.07);
  expect(range.minimum / whole.minimum).toBeLessThan(1.07);
});

test('a sketch refuses what is not finite, and a range needs values', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new RangeSketch().add(Float32Array.of(0, value, 1))).toThrow(/not finite/);
  }
  expect(() => chooseRange(new RangeSketch(), { method: 'entropy' })).toThrow(/no values/);
  const zeros = new RangeSketch();
  zeros.add(new Float32Array(4));
  expect(chooseRange(zeros, { method: 'percentile' })).toEqual({ minimum: 0, maximum: 1 });
});
