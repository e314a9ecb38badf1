import type { Entropy } from '../../ports/index.js';
import { VectorError } from '../errors.js';
import { checkFinite } from '../little-endian.js';
import { checkLength } from '../manifest.js';
import { writeDigits } from './digits.js';
import { type ModularLayout, shareBits, squaredErrorBits } from './layout.js';
import { createRotation, rotate } from './rotation.js';
import type { ModularMetric } from './settings.js';

/** What one device adds to the sum. */
export interface ModularContribution {
  /** `[parameterCount]`. */
  readonly delta: Float32Array;
  /** An integer in 0..weightMaximum, such as the number of examples. */
  readonly weight: number;
  /** Sums over the examples, of every metric of the layout and no other. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface EncodingChance {
  /** Public, of the round: the same for all its devices. */
  readonly rotationSeed: Uint8Array;
  /** The device's own. */
  readonly rounding: Entropy;
  /** Adds the device's integer noise, if it adds any, to the rounded parameters in place. */
  readonly addNoise?: (steps: Int32Array) => void;
}

/** The vector to be masked, and what the device itself may know of it. */
export interface EncodedContribution {
  /** `[vectorLength]` elements in 0..2^ringBits-1. */
  readonly vector: Uint32Array;
  /** L2 norm before clipping. */
  readonly norm: number;
  readonly clipped: boolean;
  /** Share of elements that were cut off. */
  readonly saturated: number;
  /** L2 norm of the rounding error over the clip norm. */
  readonly error: number;
}

/**
 * Clips, weighs, rotates and rounds. Throws `VectorError` `wrong-length`, `not-finite`, `invalid-weight` or
 * `invalid-metrics`.
 */
export function encodeContribution(
  layout: ModularLayout,
  contribution: ModularContribution,
  chance: EncodingChance,
): EncodedContribution {
  const { encoding, parameterCount, weightMaximum, fields, digitBits } = layout;
  const { delta, weight, metrics } = contribution;
  checkLength(delta, parameterCount);
  checkFinite(delta);
  if (!Number.isInteger(weight) || weight < 0 || weight > weightMaximum) {
    throw new VectorError('invalid-weight', `a weight is an integer in 0..${weightMaximum}, got ${weight}`);
  }
  const norm = l2Norm(delta);
  const clipped = norm > encoding.clipNorm;
  const scale = (clipped ? encoding.clipNorm / norm : 1) * (weight / weightMaximum);
  const scaled = delta.map((element) => element * scale);
  if (encoding.rotation.kind === 'hadamard') {
    rotate(scaled, createRotation(parameterCount, chance.rotationSeed));
  }
  const vector = new Uint32Array(layout.vectorLength);
  // Rounded in place of the elements they become, as signed integers.
  const steps = new Int32Array(vector.buffer, 0, parameterCount);
  const { saturated, squaredError } = round(layout, scaled, steps, chance.rounding);
  chance.addNoise?.(steps);
  const mask = 2 ** layout.ringBits - 1;
  for (let i = 0; i < parameterCount; i += 1) vector[i] &= mask;
  const relative = squaredError / encoding.clipNorm ** 2;
  writeDigits(vector, fields.weight, digitBits, weight);
  writeDigits(vector, fields.clipped, digitBits, clipped ? 1 : 0);
  writeDigits(vector, fields.saturated, digitBits, Math.round(saturated * 2 ** shareBits));
  writeDigits(
    vector,
    fields.squaredError,
    digitBits,
    Math.round(Math.min(1, relative) * 2 ** squaredErrorBits),
  );
  writeMetrics(vector, layout, metrics);
  return { vector, norm, clipped, saturated, error: Math.sqrt(relative) };
}

/** In f64: squares of f32 neither vanish nor overflow. */
function l2Norm(vector: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i += 1) sum += vector[i] * vector[i];
  return Math.sqrt(sum);
}

/** Elements that draw their chance at once. */
const drawnElements = 16_384;

/**
 * Stochastic rounding to multiples of the step: up with the probability of what is left, so that the mean is right to
 * within 2^-17 of a step.
 */
function round(
  { encoding, step }: ModularLayout,
  scaled: Float32Array,
  steps: Int32Array,
  entropy: Entropy,
): { readonly saturated: number; readonly squaredError: number } {
  const limit = encoding.rotation.kind === 'none' ? encoding.rotation.elementMaximum / step : 2 ** 30;
  // The quotient of the largest element may be an ulp above the number of levels.
  const levels = Math.round(limit);
  let saturated = 0;
  let squaredError = 0;
  for (let start = 0; start < scaled.length; start += drawnElements) {
    const end = Math.min(scaled.length, start + drawnElements);
    const bytes = entropy.bytes(2 * (end - start));
    for (let i = start; i < end; i += 1) {
      const at = 2 * (i - start);
      let value = scaled[i] / step;
      if (value > levels || value < -levels) {
        saturated += 1;
        value = value > 0 ? levels : -levels;
      }
      const rounded = Math.floor(value + (bytes[at] + 256 * bytes[at + 1] + 0.5) * 2 ** -16);
      steps[i] = rounded;
      const error = rounded - scaled[i] / step;
      squaredError += error * error;
    }
  }
  return { saturated: saturated / scaled.length, squaredError: squaredError * step * step };
}

function writeMetrics(
  vector: Uint32Array,
  { metrics, fields, digitBits }: ModularLayout,
  values: Readonly<Record<string, number>>,
): void {
  const known = new Set(metrics.map(({ name }) => name));
  const unknown = Object.keys(values).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new VectorError(
      'invalid-metrics',
      `unknown metrics: ${unknown.join(', ')}; known are ${[...known].join(', ')}`,
    );
  }
  let cut = false;
  for (const [i, metric] of metrics.entries()) {
    const value = Object.hasOwn(values, metric.name) ? values[metric.name] : Number.NaN;
    if (!Number.isFinite(value)) {
      throw new VectorError(
        'invalid-metrics',
        `the sum of the metric "${metric.name}" is missing or not finite`,
      );
    }
    cut ||= value < metric.minimum || value > metric.maximum;
    writeDigits(vector, fields.metrics[i], digitBits, metricSteps(metric, value));
  }
  writeDigits(vector, fields.metricsCut, digitBits, cut ? 1 : 0);
}

function metricSteps({ minimum, maximum, bits }: ModularMetric, value: number): number {
  const share = Math.min(1, Math.max(0, (value - minimum) / (maximum - minimum)));
  return Math.round(share * (2 ** bits - 1));
}
