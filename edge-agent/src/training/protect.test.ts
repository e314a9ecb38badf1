import { l2Norm } from '@starling/federation';
import { expect, test } from 'vitest';
import { protect } from './protect.js';

const told = { exampleCount: 321, metrics: { weight: 321, sums: { loss: 17, accuracy: 200 } } };
const privacy = {
  kind: 'central',
  epsilon: 8,
  delta: 1e-5,
  clipBound: 1,
  countWithinBound: false,
  noiseMultiplier: 1,
} as const;

test('without privacy nothing changes', () => {
  const delta = Float32Array.of(3, 4);
  expect(protect(delta, told, null)).toBe(told);
  expect(delta).toEqual(Float32Array.of(3, 4));
});

test('with privacy the update is clipped, and neither examples nor metrics are told', () => {
  const delta = Float32Array.of(3, 4);
  expect(protect(delta, told, privacy)).toEqual({ exampleCount: 1, metrics: { weight: 1, sums: {} } });
  expect(l2Norm(delta)).toBeLessThanOrEqual(1);
  expect(delta[0] / delta[1]).toBeCloseTo(0.75, 6);
});

test('a bound that adapts learns one bit of each device', () => {
  const adapting = { ...privacy, countWithinBound: true };
  expect(protect(Float32Array.of(3, 4), told, adapting).metrics.sums).toEqual({ withinBound: 0 });
  expect(protect(Float32Array.of(0.3, 0.4), told, adapting).metrics.sums).toEqual({ withinBound: 1 });
});
