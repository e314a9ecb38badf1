import { createSeededEntropy, uniform } from '../ports/index.js';
import {
  computeRing,
  createRotation,
  decodeSum,
  encodeContribution,
  type ModularEncoding,
  type ModularLayout,
  rotate,
} from '../vectors/index.js';
import { hex, hexOfFloats } from './text.js';

const rotationSeed = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);

function floats(length: number, seed: string): Float32Array {
  const entropy = createSeededEntropy(`test vectors: ${seed}`);
  return Float32Array.from({ length }, () => uniform(entropy) - 0.5);
}

/** From an update to its vector, and from the sum to the mean. */
export function encodingVectors(): object {
  const encodings: readonly ModularEncoding[] = [
    { bits: 6, clipNorm: 1, rotation: { kind: 'hadamard', agreement: 0.5 } },
    { bits: 8, clipNorm: 10, rotation: { kind: 'none', elementMaximum: 0.4 } },
  ];
  return {
    describes:
      'the encoding under masks: docs/protocol.md, "Updates as integers"; floats are little-endian f32',
    rotationSeed: hex(rotationSeed),
    rotations: [1, 5, 16, 24, 100].map((length) => {
      const vector = floats(length, `rotation ${length}`);
      const rotated = vector.slice();
      rotate(rotated, createRotation(length, rotationSeed));
      return { vector: hexOfFloats(vector), rotated: hexOfFloats(rotated) };
    }),
    encodings: encodings.map(encodingVector),
    layouts: [0, 0.5, 40, 3000].map((noiseStddevSteps) => {
      const [encoding] = encodings;
      const request = {
        encoding,
        parameterCount: 1_000,
        cohort: 100,
        weightMaximum: 1,
        metrics: [],
        noiseStddevSteps,
      };
      return { request, layout: told(computeRing(request)) };
    }),
  };
}

function told({ ringBits, digitBits, vectorLength, step, fields }: ModularLayout): object {
  return { ringBits, digitBits, vectorLength, step, fields };
}

function encodingVector(encoding: ModularEncoding): object {
  const parameterCount = 24;
  const metrics = [
    { name: 'loss', minimum: 0, maximum: 100, bits: 12 },
    { name: 'correct', minimum: 0, maximum: 50, bits: 6 },
  ];
  const layout = computeRing({ encoding, parameterCount, cohort: 5, weightMaximum: 50, metrics });
  const sum = new Uint32Array(layout.vectorLength);
  const contributions = [0, 1, 2].map((device) => {
    const delta = floats(parameterCount, `delta ${device}`);
    const weight = 20 + 10 * device;
    const values = { loss: 12.5 * device, correct: 30 + 11 * device };
    const rounding = createSeededEntropy(`test vectors: rounding ${device}`);
    const words = createSeededEntropy(`test vectors: rounding ${device}`).bytes(2 * parameterCount);
    const { vector } = encodeContribution(
      layout,
      { delta, weight, metrics: values },
      { rotationSeed, rounding },
    );
    for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] + vector[i]) % 2 ** layout.ringBits;
    return {
      delta: hexOfFloats(delta),
      weight,
      metrics: values,
      drawn: hex(words),
      vector: Array.from(vector),
    };
  });
  const decoded = decodeSum(layout, sum, contributions.length, rotationSeed);
  return {
    request: { encoding, parameterCount, cohort: 5, weightMaximum: 50, metrics },
    layout: told(layout),
    contributions,
    sum: Array.from(sum),
    decoded: {
      weight: decoded.weight,
      mean: hexOfFloats(decoded.mean),
      metrics: decoded.metrics.sums,
      clipRate: decoded.report.clipRate,
    },
  };
}
