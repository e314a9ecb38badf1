import {
  createAccumulator,
  createSeededEntropy,
  float32Bytes,
  float32Encoding,
  foldUpdate,
  startAdaptiveClipping,
} from '@starling/federation';
import { expect, test } from 'vitest';
import { deviceId } from '../testing/values.js';
import { measureClipping, withCentralNoise } from './noise.js';
import type { RoundPrivacy } from './settings.js';

const privacy: RoundPrivacy = {
  kind: 'central',
  budget: { epsilon: 8, delta: 1e-5 },
  epsilon: 1,
  clipBound: 2,
  noiseStddev: 3,
  countStddev: null,
};

test('every element of the sum gets its own noise of the promised deviation, and the sum itself stays as it was', () => {
  const parameterCount = 20_000;
  const sum = createAccumulator(parameterCount);
  const delta = Float32Array.from({ length: parameterCount }, (_, i) => (i % 2) / 128);
  for (let device = 0; device < 4; device += 1) foldUpdate(sum, float32Bytes(delta), float32Encoding, 0.5);
  const before = Float64Array.from(sum.sums);
  const noisy = withCentralNoise(sum, privacy, createSeededEntropy('noise'));
  expect(sum.sums).toEqual(before);
  expect(noisy.count).toBe(4);
  expect(noisy.weight).toBe(4);
  const noise = noisy.sums.map((value, i) => value - before[i]);
  const mean = noise.reduce((total, value) => total + value, 0) / parameterCount;
  const variance = noise.reduce((total, value) => total + value * value, 0) / parameterCount;
  // Five standard errors: σ/√n of the mean, σ²·√(2/n) of the variance.
  expect(Math.abs(mean)).toBeLessThan((5 * 3) / Math.sqrt(parameterCount));
  expect(Math.abs(variance - 9)).toBeLessThan(5 * 9 * Math.sqrt(2 / parameterCount));
  const lagged = noise.slice(1).reduce((total, value, i) => total + value * noise[i], 0) / parameterCount;
  expect(Math.abs(lagged)).toBeLessThan((5 * 9) / Math.sqrt(parameterCount));
});

test('two rounds never get the same noise', () => {
  const sum = createAccumulator(8);
  foldUpdate(sum, float32Bytes(new Float32Array(8)), float32Encoding, 1);
  const entropy = createSeededEntropy('one');
  expect(withCentralNoise(sum, privacy, entropy).sums).not.toEqual(
    withCentralNoise(sum, privacy, entropy).sums,
  );
});

test('the bound follows the share of updates within it, whatever devices send as their bit', () => {
  const start = startAdaptiveClipping({
    initialBound: 2,
    targetQuantile: 0.5,
    learningRate: 0.2,
    countStddev: 1e-9,
  });
  const contributions = [1, 1, 1, 0, 1000, -1000].map((bit, i) => ({
    deviceId: deviceId(`d${i}`),
    payloadBytes: 4,
    metrics: { weight: 1, sums: { withinBound: bit } },
  }));
  const adaptive = { ...privacy, countStddev: 1e-9 };
  const measured = measureClipping(contributions, adaptive, start, createSeededEntropy('bits'));
  expect(measured?.withinShare).toBeCloseTo(4 / 6, 6);
  expect(measured?.next.bound).toBeCloseTo(2 * Math.exp(-0.2 * (4 / 6 - 0.5)), 6);
  expect(measureClipping(contributions, privacy, null, createSeededEntropy('bits'))).toBeNull();
});

test('the count is told with noise of its own', () => {
  const start = startAdaptiveClipping({
    initialBound: 2,
    targetQuantile: 0.5,
    learningRate: 0.2,
    countStddev: 4,
  });
  const contributions = [{ deviceId: deviceId('d'), payloadBytes: 4, metrics: { weight: 1, sums: {} } }];
  const entropy = createSeededEntropy('counts');
  const rounds = 2000;
  const shares = Array.from(
    { length: rounds },
    () => measureClipping(contributions, { ...privacy, countStddev: 4 }, start, entropy)?.withinShare ?? 0,
  );
  const variance = shares.reduce((total, value) => total + value * value, 0) / rounds;
  expect(Math.abs(variance - 16)).toBeLessThan(5 * 16 * Math.sqrt(2 / rounds));
});
