import { expect, test } from 'vitest';
import { createSeededEntropy, type Entropy } from '../ports/index.js';
import { distributedNoiseKinds, epsilonSpent } from '../privacy/index.js';
import { createFleet } from '../secure-aggregation/testing/fleet.js';
import { type LostAt, wholeRound } from '../secure-aggregation/testing/whole-round.js';
import { computeRing, decodeSum, encodeContribution, type ModularEncoding } from '../vectors/index.js';
import { brokenNoisePromise, latticeNoise, type NoisyRound, planRoundNoise } from './distributed-noise.js';
import { type SecureRoundSettings, secureRoundOf } from './secure-round-settings.js';

const parameterCount = 3000;
const devices = 10;
const requirements = { corruptFraction: 0.1, dropoutFraction: 0.2, securityBits: 20, correctnessBits: 10 };
const target = { epsilon: 4, delta: 1e-5, rounds: 20, sampling: 1, accountant: 'rdp' } as const;

const rotated: ModularEncoding = { bits: 6, clipNorm: 2, rotation: { kind: 'hadamard', agreement: 1 } };
const plain: ModularEncoding = { bits: 8, clipNorm: 2, rotation: { kind: 'none', elementMaximum: 0.5 } };

function layoutOf(encoding: ModularEncoding, noiseStddevSteps = 0) {
  return computeRing({
    encoding,
    parameterCount,
    cohort: devices,
    weightMaximum: 1,
    metrics: [],
    reports: false,
    noiseStddevSteps,
  });
}

const roundOf = (encoding: ModularEncoding): NoisyRound => ({
  requirements,
  cohortMinimum: 6,
  layout: layoutOf(encoding),
});

/** χ² of as many degrees of freedom is this close to its mean in all but one of 10^6 cases (Laurent and Massart 2000). */
const chiSquareDeviation = 2 * Math.sqrt(14 / parameterCount) + (2 * 14) / parameterCount;

function encode(settings: SecureRoundSettings, delta: Float32Array, seed: string, noise: Entropy) {
  if (settings.privacy.kind !== 'distributed') throw new Error('a round with distributed noise');
  return encodeContribution(
    settings.layout,
    { delta, weight: 1, metrics: {} },
    {
      rotationSeed: new Uint8Array(32).fill(3),
      rounding: createSeededEntropy(seed),
      noise: latticeNoise(settings.privacy.noise, settings, noise),
    },
  ).vector;
}

test.each(
  distributedNoiseKinds.flatMap((kind) =>
    [rotated, plain].map((encoding) => [kind, encoding.rotation.kind, encoding] as const),
  ),
)(
  'the noise of %s, rotation %s, in the unmasked sum is what was paid for, whoever drops out',
  (kind, _, encoding) => {
    const planned = planRoundNoise(kind, { kind: 'calibrated', target }, roundOf(encoding));
    expect(epsilonSpent('rdp', [{ mechanism: planned.mechanism, rounds: 20 }], 1e-5)).toBeLessThanOrEqual(4);
    const { noiseStddevSteps } = planned.terms;
    const settings: SecureRoundSettings = {
      ...roundOf(encoding),
      weighting: 'uniform',
      privacy: { kind: 'distributed', epsilon: 4, delta: 1e-5, noise: planned.terms },
      layout: layoutOf(encoding, noiseStddevSteps),
    };
    const fleet = createFleet(devices, `noise ${kind}`);
    const hash = new Uint8Array(32).fill(7);
    const hashes = { planHash: hash, requestHash: hash };
    const round = secureRoundOf(settings, { runId: 'run', round: 1, attempt: 1 }, hashes);
    const nothing = new Float32Array(parameterCount);
    const vectors = Array.from({ length: devices }, (_unused, device) =>
      encode(settings, nothing, `${device}`, createSeededEntropy(`${kind} noise of ${device}`)),
    );
    const quiet = (...lost: LostAt[]): LostAt[] => [
      ...lost,
      ...Array<LostAt>(devices - lost.length).fill('never'),
    ];
    for (const lostAt of [quiet(), quiet('update', 'update'), quiet('keys', 'keys', 'shares', 'signature')]) {
      const { end, sum, survivors } = wholeRound(fleet, round, vectors, lostAt);
      expect(end).toBe('sum');
      const { mean } = decodeSum(settings.layout, sum, survivors.length, new Uint8Array(32).fill(3));
      const count = survivors.length;
      const variance = mean.reduce((total, value) => total + (value * count) ** 2, 0) / parameterCount;
      const expected = count * (noiseStddevSteps * settings.layout.step) ** 2;
      expect(Math.abs(variance / expected - 1)).toBeLessThan(chiSquareDeviation);
      // Whoever is left out of the sum was counted on neither, nor one in ten of the others, who may tell theirs.
      expect(expected * ((count - 1) / count)).toBeGreaterThanOrEqual(planned.sumStddev ** 2 * (1 - 1e-12));
    }
  },
);

test('a rounded update is never longer than the noise is for, whatever was learned', () => {
  for (const encoding of [rotated, plain]) {
    const { layout } = roundOf(encoding);
    const { normMaximum } = latticeNoise(
      { mechanism: 'skellam', noiseStddevSteps: 1, sampling: 1 },
      roundOf(encoding),
      createSeededEntropy('none'),
    );
    const norms: number[] = [];
    for (let attempt = 0; attempt < 60; attempt += 1) {
      const entropy = createSeededEntropy(`update ${attempt}`);
      // From one spike to a flat update in which all elements lie halfway between steps, the worst for rounding.
      const spread = 1 + (attempt % 6) ** 4;
      const delta = Float32Array.from({ length: parameterCount }, (_, i) =>
        i < spread ? (entropy.bytes(1)[0] - 127.5) * 10 : layout.step * ((i % 2) - 0.5),
      );
      encodeContribution(
        layoutOf(encoding),
        { delta, weight: 1, metrics: {} },
        {
          rotationSeed: new Uint8Array(32),
          rounding: entropy,
          noise: {
            normMaximum,
            add: (steps) => norms.push(Math.sqrt(steps.reduce((sum, step) => sum + step * step, 0))),
          },
        },
      );
    }
    expect(norms).toHaveLength(60);
    expect(Math.max(...norms)).toBeLessThanOrEqual(normMaximum);
    // And the bound is not so wide that it says nothing.
    expect(Math.max(...norms)).toBeGreaterThan(0.9 * normMaximum);
  }
});

test('what chance never rounds short enough is rounded towards zero', () => {
  let norm = Number.POSITIVE_INFINITY;
  const layout = layoutOf(rotated);
  encodeContribution(
    layout,
    { delta: new Float32Array(parameterCount).fill(1), weight: 1, metrics: {} },
    {
      rotationSeed: new Uint8Array(32),
      // Always up, as the largest number would.
      rounding: { bytes: (count) => new Uint8Array(count).fill(255) },
      noise: {
        normMaximum: rotated.clipNorm / layout.step,
        add: (steps) => {
          norm = Math.sqrt(steps.reduce((sum, step) => sum + step * step, 0));
        },
      },
    },
  );
  expect(norm).toBeLessThanOrEqual(rotated.clipNorm / layout.step);
  expect(norm).toBeGreaterThan(0.9 * (rotated.clipNorm / layout.step));
});

test('a device finds out that noise is not worth what is promised for it', () => {
  const round = roundOf(rotated);
  const { terms, sumStddev } = planRoundNoise('skellam', { kind: 'calibrated', target }, round);
  const promise = { epsilon: 4, delta: 1e-5, noiseMultiplier: sumStddev / rotated.clipNorm };
  const broken = (changes: object, promised: object = promise, of: NoisyRound = round) =>
    brokenNoisePromise({ ...terms, ...changes }, { ...promise, ...promised }, of);
  expect(broken({})).toBeUndefined();
  expect(broken({ noiseStddevSteps: terms.noiseStddevSteps * 0.99 })).toMatch(/of 6 devices.*is promised$/);
  // The same noise protects less where fewer must be in the sum, and nobody where everyone may be the coordinator's.
  const lonely = { ...round, cohortMinimum: 5 };
  expect(broken({}, {}, lonely)).toMatch(/of 5 devices.*is promised$/);
  const nobody = { ...round, requirements: { ...requirements, corruptFraction: 0.99 }, cohortMinimum: 2 };
  expect(broken({}, {}, nobody)).toMatch(/nobody is left to add noise/);
  // Whatever is said of the multiplier, one round must not cost more than all together may.
  expect(broken({ noiseStddevSteps: 10 }, { noiseMultiplier: 0 })).toMatch(/costs ε = .* at most 4$/);
  expect(broken({}, { noiseMultiplier: Number.NaN })).toMatch(/is promised$/);
});

test('what cannot be drawn is refused with the bits that would do', () => {
  const fine: ModularEncoding = { ...rotated, bits: 16 };
  expect(() =>
    planRoundNoise('skellam', { kind: 'explicit', multiplier: 10, sampling: 1 }, roundOf(fine)),
  ).toThrow(expect.objectContaining({ code: 'invalid-noise', message: expect.stringContaining('65536') }));
});
