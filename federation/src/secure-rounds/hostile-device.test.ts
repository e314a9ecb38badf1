/** A device that neither clips nor encodes: what it can do to a sum under masks is what its ring admits. */
import { expect, test } from 'vitest';
import { createSeededEntropy, type Entropy, uniform } from '../ports/index.js';
import { createFleet } from '../secure-aggregation/testing/fleet.js';
import { wholeRound } from '../secure-aggregation/testing/whole-round.js';
import { computeRing, decodeSum, encodeContribution, type ModularEncoding } from '../vectors/index.js';
import { secureRoundOf } from './secure-round-settings.js';

const parameterCount = 600;
const devices = 6;
const rotationSeed = new Uint8Array(32).fill(3);
const requirements = { corruptFraction: 0.1, dropoutFraction: 0.2, securityBits: 20, correctnessBits: 10 };
const plain: ModularEncoding = { bits: 8, clipNorm: 2, rotation: { kind: 'none', elementMaximum: 0.5 } };
const rotated: ModularEncoding = { bits: 6, clipNorm: 2, rotation: { kind: 'hadamard', agreement: 1 } };

const layoutOf = (encoding: ModularEncoding) =>
  computeRing({
    encoding,
    parameterCount,
    cohort: devices,
    weightMaximum: 1,
    metrics: [{ name: 'loss', minimum: 0, maximum: 10, bits: 16 }],
  });
type Layout = ReturnType<typeof layoutOf>;

/** Vectors that no encoder gives; weight and other fields are an honest device's, so that there is a mean to spoil. */
const attacks: Readonly<Record<string, (elements: Uint32Array, modulus: number, entropy: Entropy) => void>> =
  {
    'half of the ring': (elements, modulus) => void elements.fill(modulus / 2 - 1),
    'minus half of it': (elements, modulus) => void elements.fill(modulus / 2),
    'all ones': (elements, modulus) => void elements.fill(modulus - 1),
    anything: (elements, modulus, entropy) => {
      for (let i = 0; i < elements.length; i += 1) elements[i] = Math.floor(uniform(entropy) * modulus);
    },
  };

/** The sum of five honest devices, and of one whose parameters `attack` overwrote. */
function summed(layout: Layout, attack: (typeof attacks)[string]) {
  const entropy = createSeededEntropy('hostile');
  const modulus = 2 ** layout.ringBits;
  const vectors = Array.from({ length: devices }, (_, device) => {
    const delta = Float32Array.from({ length: parameterCount }, () => 0.02 * (uniform(entropy) - 0.5));
    const rounding = createSeededEntropy(`rounding ${device}`);
    const contribution = { delta, weight: 1, metrics: { loss: 1 } };
    return encodeContribution(layout, contribution, { rotationSeed, rounding }).vector;
  });
  const hostile = vectors[devices - 1].slice();
  attack(hostile.subarray(0, parameterCount), modulus, entropy);
  const settings = {
    requirements,
    cohortMinimum: 4,
    privacy: { kind: 'none' },
    weighting: 'uniform',
    layout,
  } as const;
  const key = { runId: 'run', round: 1, attempt: 1 };
  const planHash = new Uint8Array(32).fill(7);
  const round = secureRoundOf(settings, key, { planHash, requestHash: planHash });
  const all = [...vectors.slice(0, -1), hostile];
  const { end, sum } = wholeRound(createFleet(devices, 'hostile'), round, all, Array(devices).fill('never'));
  return { end, sum, all, hostile, modulus };
}

for (const encoding of [plain, rotated]) {
  test.each(Object.keys(attacks))(`rotation ${encoding.rotation.kind}: a device that adds %s`, (name) => {
    const layout = layoutOf(encoding);
    const { end, sum, all, hostile, modulus } = summed(layout, attacks[name]);
    // Nobody can refuse what nobody sees; it moves the sum by what it added, in the ring, and by nothing else.
    expect(end).toBe('sum');
    const expected = sum.map((_, i) => all.reduce((total, vector) => total + vector[i], 0) % modulus);
    expect(sum).toEqual(expected);
    expect(hostile.every((element) => element < modulus)).toBe(true);
    const { mean, weight, metrics } = decodeSum(layout, sum, devices, rotationSeed);
    // Of the sum no element is beyond half of the ring's values: the guarantee that the threat model states.
    const element = ((modulus / 2) * layout.step) / weight;
    const norm = Math.hypot(...mean);
    if (encoding.rotation.kind === 'none') {
      expect(Math.max(...mean.map(Math.abs))).toBeLessThanOrEqual(element * (1 + 1e-6));
    }
    expect(norm).toBeLessThanOrEqual(element * Math.sqrt(parameterCount) * (1 + 1e-5));
    // What it left alone is as it was.
    expect(weight).toBe(devices);
    expect(metrics.sums.loss).toBeCloseTo(devices, 3);
  });
}

test('the range is what the encoding decides, and a hostile device can use all of it', () => {
  const layout = layoutOf(plain);
  const honest = devices * 0.01;
  const { sum, modulus } = summed(layout, attacks['half of the ring']);
  const { mean } = decodeSum(layout, sum, devices, rotationSeed);
  const most = ((modulus / 2) * layout.step) / devices;
  // Honest elements are at most 0.01: beyond them it reaches to the edge of the ring, from where a sum wraps around.
  expect(Math.max(...mean.map(Math.abs))).toBeGreaterThan(most - honest);
  // The ring is as narrow as six honest updates allow: no wider than twice what all of them at their edge would add.
  expect(most).toBeLessThanOrEqual(2 * 0.5);
});
