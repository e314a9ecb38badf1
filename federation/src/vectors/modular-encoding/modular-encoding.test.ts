import { expect, test } from 'vitest';
import { createSeededEntropy, uniform } from '../../ports/index.js';
import { decodeSum } from './decode.js';
import { encodeContribution, type ModularContribution } from './encode.js';
import { computeRing, type ModularLayout, type RingRequest } from './layout.js';
import type { ModularEncoding } from './settings.js';
import { wrapBudget } from './wrap-budget.js';

const rotationSeed = new Uint8Array(32).fill(5);
const rotated = (bits: number, agreement = 1): ModularEncoding => ({
  bits,
  clipNorm: 1,
  rotation: { kind: 'hadamard', agreement },
});
const plain = (bits: number, elementMaximum = 0.1): ModularEncoding => ({
  bits,
  clipNorm: 1,
  rotation: { kind: 'none', elementMaximum },
});

function request(encoding: ModularEncoding, changes: Partial<RingRequest> = {}): RingRequest {
  return {
    encoding,
    parameterCount: 1_000,
    cohort: 10,
    weightMaximum: 500,
    metrics: [{ name: 'loss', minimum: 0, maximum: 5_000, bits: 24 }],
    ...changes,
  };
}

function randomDelta(length: number, norm: number, seed: string): Float32Array {
  const entropy = createSeededEntropy(seed);
  const delta = Float32Array.from({ length }, () => uniform(entropy) - 0.5);
  const length2 = Math.hypot(...delta);
  return delta.map((element) => (element * norm) / length2);
}

function sumOf(layout: ModularLayout, contributions: readonly ModularContribution[]): Uint32Array {
  const sum = new Uint32Array(layout.vectorLength);
  const mask = 2 ** layout.ringBits - 1;
  for (const [i, contribution] of contributions.entries()) {
    const { vector } = encodeContribution(layout, contribution, {
      rotationSeed,
      rounding: createSeededEntropy(`rounding ${i}`),
    });
    for (let at = 0; at < sum.length; at += 1) sum[at] = (sum[at] + vector[at]) & mask;
  }
  return sum;
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((element, i) => element - b[i]));
}

test('the ring is as narrow as the sum allows', () => {
  const bitsOf = (encoding: ModularEncoding, cohort: number): number =>
    computeRing(request(encoding, { cohort })).ringBits;
  // 100 · 254 + 1 values take 15 bits.
  expect(bitsOf(plain(8), 100)).toBe(15);
  expect(bitsOf(plain(8), 128)).toBe(15);
  expect(bitsOf(plain(8), 130)).toBe(16);
  expect(bitsOf(plain(16), 1_000)).toBe(26);
  expect(bitsOf(rotated(8), 100)).toBe(15);
  expect(bitsOf(rotated(4), 100)).toBe(11);
  expect(bitsOf(rotated(5, 0.5), 100)).toBe(11);
  expect(bitsOf(rotated(6, 0.5), 100)).toBe(12);
  expect(bitsOf(plain(2), 2)).toBe(3);
});

test('what cannot fit is refused with the reason and what would', () => {
  const tight = request(plain(8), { cohort: 1_000, ringBitsMaximum: 16 });
  expect(() => computeRing(tight)).toThrow(
    /1000 updates of 8 bits takes 18 bits, but the ring has at most 16; encode with 2 bits less, or divide the cohort by 4, or rotate/,
  );
  expect(() => computeRing(request(plain(16), { cohort: 200_000 }))).toThrow(/34 bits.*at most 32/);
  expect(() => computeRing(request(plain(1)))).toThrow(/bits must be an integer in 2\.\.16/);
  expect(() => computeRing(request(rotated(8, 0)))).toThrow(/agreement/);
  expect(() => computeRing(request(plain(8), { weightMaximum: 0 }))).toThrow(/weightMaximum/);
  expect(() =>
    computeRing(request(plain(8), { metrics: [{ name: 'loss', minimum: 1, maximum: 1, bits: 8 }] })),
  ).toThrow(/"loss" has no range/);
});

test.each([plain(8, 0.12), plain(16, 0.12), rotated(8), rotated(6)])(
  '$bits bits, rotation $rotation.kind: the decoded mean is the weighted mean, to rounding',
  (encoding) => {
    const layout = computeRing(request(encoding));
    const contributions = Array.from({ length: 10 }, (_, i) => ({
      delta: randomDelta(1_000, 0.9, `delta ${i}`),
      weight: 50 * (i + 1),
      metrics: { loss: 100 * i },
    }));
    const decoded = decodeSum(layout, sumOf(layout, contributions), 10, rotationSeed);
    expect(decoded.weight).toBe(2_750);
    expect(decoded.metrics.weight).toBe(2_750);
    expect(decoded.metrics.sums.loss).toBeCloseTo(4_500, 1);
    const expected = new Float32Array(1_000);
    for (const { delta, weight } of contributions) {
      for (let i = 0; i < 1_000; i += 1) expected[i] += (delta[i] * weight) / 2_750;
    }
    // Ten errors of at most half a step's deviation, in a sum of 5.5 updates' weight.
    const rounding = 0.5 * layout.step * Math.sqrt(10 * 1_000) * (500 / 2_750);
    expect(distance(decoded.mean, expected)).toBeLessThan(1.1 * rounding);
    expect(distance(decoded.mean, expected)).toBeGreaterThan(0.3 * rounding);
    expect(decoded.report.clipRate).toBe(0);
    expect(decoded.report.saturationRate).toBe(0);
    expect(decoded.report.wrapRate).toBeLessThan(1e-4);
    expect(decoded.report.quantizationError).toBeGreaterThan(0.2 * layout.step * Math.sqrt(1_000));
    expect(decoded.report.quantizationError).toBeLessThan(0.6 * layout.step * Math.sqrt(1_000));
  },
);

test('no sum without rotation wraps, not even when all devices are at the edge', () => {
  for (const sign of [1, -1]) {
    const layout = computeRing(request({ ...plain(8), clipNorm: 100 }, { cohort: 128, parameterCount: 5 }));
    const delta = new Float32Array(5).fill(sign * 0.1);
    const all = Array.from({ length: 128 }, () => ({ delta, weight: 500, metrics: { loss: 5_000 } }));
    const decoded = decodeSum(layout, sumOf(layout, all), 128, rotationSeed);
    expect(decoded.mean[3]).toBeCloseTo(sign * 0.1, 6);
    expect(decoded.metrics.sums.loss).toBeCloseTo(128 * 5_000, 6);
    expect(decoded.weight).toBe(64_000);
  }
});

test('clipping, cutting and wrapping are reported', () => {
  const layout = computeRing(request(plain(8, 0.05)));
  const long = { delta: randomDelta(1_000, 10, 'long'), weight: 500, metrics: { loss: 6_000 } };
  const short = { delta: randomDelta(1_000, 0.1, 'short'), weight: 500, metrics: { loss: 0 } };
  const { report, metrics } = decodeSum(layout, sumOf(layout, [long, short]), 2, rotationSeed);
  expect(report.clipRate).toBe(0.5);
  expect(report.metricsCutRate).toBe(0.5);
  // Of a uniform element with variance 1/1000, |x| > 0.05 has probability 1 - 0.05·√(1000/3).
  expect(report.saturationRate).toBeCloseTo(0.5 * (1 - 0.05 * Math.sqrt(1_000 / 3)), 1);
  expect(metrics.sums.loss).toBe(5_000);

  const bold = computeRing(request(rotated(6, 0.1), { cohort: 100 }));
  const alike = Array.from({ length: 100 }, () => ({
    delta: randomDelta(1_000, 1, 'alike'),
    weight: 500,
    metrics: { loss: 0 },
  }));
  expect(decodeSum(bold, sumOf(bold, alike), 100, rotationSeed).report.wrapRate).toBeGreaterThan(1e-2);
});

test('stochastic rounding is right on average', () => {
  const layout = computeRing(request(plain(4, 0.6), { parameterCount: 4, cohort: 1_024 }));
  const delta = Float32Array.of(0.033, -0.49, 0.6, -0.6);
  const all = Array.from({ length: 1_024 }, () => ({ delta, weight: 500, metrics: { loss: 0 } }));
  const { mean } = decodeSum(layout, sumOf(layout, all), 1_024, rotationSeed);
  // 4.9 standard deviations of at most half a step.
  for (let i = 0; i < 4; i += 1) {
    expect(Math.abs(mean[i] - delta[i])).toBeLessThan((4.9 * 0.5 * layout.step) / Math.sqrt(1_024));
  }
  expect(mean[2]).toBeCloseTo(0.6, 6);
});

test('a device without weight adds its report only', () => {
  const layout = computeRing(request(rotated(8)));
  const delta = randomDelta(1_000, 1, 'idle');
  const idle = { delta, weight: 0, metrics: { loss: 0 } };
  const one = { delta, weight: 500, metrics: { loss: 10 } };
  const decoded = decodeSum(layout, sumOf(layout, [idle, one]), 2, rotationSeed);
  expect(distance(decoded.mean, delta)).toBeLessThan(layout.step * Math.sqrt(2_000));
  expect(() => decodeSum(layout, sumOf(layout, [idle]), 1, rotationSeed)).toThrow(/no mean/);
});

test('an array that another device used gives the same vector', () => {
  for (const encoding of [plain(8), rotated(8)]) {
    const layout = computeRing(request(encoding));
    const one = { delta: randomDelta(1_000, 1, 'one'), weight: 5, metrics: { loss: 3 } };
    const encode = (into?: Uint32Array) =>
      encodeContribution(layout, one, {
        rotationSeed,
        rounding: createSeededEntropy(1),
        ...(into && { into }),
      }).vector;
    const used = new Uint32Array(layout.vectorLength + 8).fill(0xffff_ffff);
    const into = used.subarray(4, 4 + layout.vectorLength);
    expect(encode(into)).toBe(into);
    expect(into).toEqual(encode());
    expect([...used.subarray(0, 4), ...used.subarray(-4)]).toEqual(new Array(8).fill(0xffff_ffff));
    expect(() => encode(new Uint32Array(7))).toThrow(/room for 7/);
  }
});

test('what is not a contribution is refused', () => {
  const layout = computeRing(request(plain(8)));
  const good = { delta: randomDelta(1_000, 1, 'good'), weight: 5, metrics: { loss: 0 } };
  const encode = (changes: Partial<ModularContribution>): unknown =>
    encodeContribution(layout, { ...good, ...changes }, { rotationSeed, rounding: createSeededEntropy(0) });
  expect(() => encode({ delta: new Float32Array(999) })).toThrow(/999 elements/);
  expect(() => encode({ delta: new Float32Array(1_000).fill(Number.NaN) })).toThrow(/element 0 is NaN/);
  expect(() => encode({ weight: 501 })).toThrow(/0\.\.500/);
  expect(() => encode({ weight: 1.5 })).toThrow(/integer/);
  expect(() => encode({ metrics: {} })).toThrow(/"loss" is missing/);
  expect(() => encode({ metrics: { loss: 0, extra: 1 } })).toThrow(/unknown metrics: extra/);
});

test('six bits, rotated, take eleven of a ring for a hundred devices that agree by a quarter', () => {
  const layout = computeRing(request(rotated(6, 0.25), { cohort: 100, parameterCount: 200_000 }));
  expect(layout.ringBits).toBe(11);
  const made = wrapBudget(layout);
  // 1024 steps over σ = √((0.25 · 100 · 31 / 4)² + 100 / 4).
  expect(made.sigmas).toBeCloseTo(1_024 / Math.sqrt(193.75 ** 2 + 25), 9);
  expect(made.elementWraps).toBeLessThan(2e-6);
  // Of independent updates not one sum in 2^100 would wrap anywhere.
  expect(wrapBudget(layout, 0.1).anyWraps).toBeLessThan(2 ** -100);
  expect(wrapBudget(layout, 1).elementWraps).toBeGreaterThan(0.5);
});

test('sums wrap no more often than their budget says, and say when they are beyond it', () => {
  const length = 1_024;
  const layout = computeRing(request(rotated(6, 0.25), { cohort: 24, parameterCount: length }));
  const modulus = 2 ** layout.ringBits;
  // Common direction and own directions, mixed so that the sum of the norms' share is about `agreement`.
  for (const agreement of [0.25, 0.9]) {
    let wrapped = 0;
    let elements = 0;
    for (let round = 0; round < 4; round += 1) {
      const common = randomDelta(length, 1, `common ${round}`);
      const share = Math.sqrt(Math.max(0, (agreement ** 2 - 1 / 24) / (1 - 1 / 24)));
      const contributions = Array.from({ length: 24 }, (_, i) => {
        const own = randomDelta(length, 1, `own ${round} ${i}`);
        const delta = own.map((element, at) => share * common[at] + Math.sqrt(1 - share ** 2) * element);
        return { delta, weight: 500, metrics: { loss: 0 } };
      });
      const sum = new Float64Array(length);
      for (const [i, contribution] of contributions.entries()) {
        const rounding = createSeededEntropy(`rounding ${i}`);
        const { vector } = encodeContribution(layout, contribution, { rotationSeed, rounding });
        for (let at = 0; at < length; at += 1) {
          sum[at] += vector[at] >= modulus / 2 ? vector[at] - modulus : vector[at];
        }
      }
      wrapped += sum.filter((element) => element < -modulus / 2 || element >= modulus / 2).length;
      elements += length;
      const { report } = decodeSum(layout, sumOf(layout, contributions), 24, rotationSeed);
      if (agreement <= 0.25) expect(report.agreement).toBeCloseTo(agreement, 1);
      if (agreement <= 0.25) expect(report.wrapRate).toBeLessThan(1e-3);
      if (agreement >= 0.9) expect(report.wrapRate).toBeGreaterThan(1e-3);
    }
    const { elementWraps } = wrapBudget(layout, agreement + 0.02);
    const expected = elementWraps * elements;
    expect(wrapped).toBeLessThanOrEqual(expected + 4 * Math.sqrt(expected) + 1e-9);
    // The test reaches where sums do wrap.
    if (agreement === 0.9) expect(wrapped).toBeGreaterThan(0);
  }
});
