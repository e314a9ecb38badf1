import type { Entropy } from '../../ports/index.js';
import { clipFactor, l2Norm } from '../clip.js';
import { VectorError } from '../errors.js';
import { checkFinite } from '../little-endian.js';
import { checkLength } from '../manifest.js';
import { writeDigits } from './digits.js';
import { type ModularLayout, shareBits, squaredErrorBits } from './layout.js';
import { createRotation, rotate } from './rotation.js';
import { roundStochastically } from './rounding.js';
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
  /** What the device does to its rounded parameters so that the sum hides it, where it does anything. */
  readonly noise?: LatticeNoise;
  /** Where the vector is written, `[vectorLength]`, so that many devices of one process share an array; left out, a new one. */
  readonly into?: Uint32Array;
}

/** Integer noise, and the norm it was sized for. */
export interface LatticeNoise {
  /** The largest L2 norm of the rounded parameters, in steps; held to exactly, whatever chance says. */
  readonly normMaximum: number;
  /** Adds noise in place. */
  readonly add: (steps: Int32Array) => void;
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
  if (!Number.isInteger(weight) || weight < 0 || weight > weightMaximum) {
    throw new VectorError('invalid-weight', `a weight is an integer in 0..${weightMaximum}, got ${weight}`);
  }
  const norm = l2Norm(delta);
  // Squares of finite f32 do not overflow: it is an element's fault, and the error names it.
  if (!Number.isFinite(norm)) checkFinite(delta);
  const factor = clipFactor(norm, encoding.clipNorm);
  const clipped = factor < 1;
  const scale = factor * (weight / weightMaximum);
  const vector = roomFor(layout, chance.into);
  // First as floats, then as signed integers, each in the place of the element it becomes: one array is enough.
  const scaled = new Float32Array(vector.buffer, vector.byteOffset, parameterCount);
  const steps = new Int32Array(vector.buffer, vector.byteOffset, parameterCount);
  multiply(delta, scale, scaled);
  let saturated = 0;
  if (encoding.rotation.kind === 'hadamard') {
    rotate(scaled, createRotation(parameterCount, chance.rotationSeed));
  } else {
    saturated = cutOff(scaled, Math.fround(encoding.rotation.elementMaximum));
  }
  const mask = 2 ** layout.ringBits - 1;
  const squaredError = chance.noise
    ? hiddenSteps(scaled, layout, steps, chance.rounding, chance.noise)
    : roundStochastically(scaled, layout.step, steps, chance.rounding, mask);
  const relative = squaredError / encoding.clipNorm ** 2;
  writeDigits(vector, fields.weight, digitBits, weight);
  if (layout.reports ?? true) {
    writeDigits(vector, fields.clipped, digitBits, clipped ? 1 : 0);
    writeDigits(vector, fields.saturated, digitBits, Math.round(saturated * 2 ** shareBits));
    writeDigits(
      vector,
      fields.squaredError,
      digitBits,
      Math.round(Math.min(1, relative) * 2 ** squaredErrorBits),
    );
  }
  writeMetrics(vector, layout, metrics);
  return { vector, norm, clipped, saturated, error: Math.sqrt(relative) };
}

function roomFor(
  { vectorLength, parameterCount }: ModularLayout,
  into: Uint32Array | undefined,
): Uint32Array {
  if (into === undefined) return new Uint32Array(vectorLength);
  if (into.length !== vectorLength) {
    throw new VectorError(
      'wrong-length',
      `the vector has ${vectorLength} elements, but there is room for ${into.length}`,
    );
  }
  return into.fill(0, parameterCount);
}

/** Four at a time, which V8 does not do by itself and which takes half the time. */
function multiply(values: Float32Array, factor: number, out: Float32Array): void {
  const whole = values.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    out[i] = values[i] * factor;
    out[i + 1] = values[i + 1] * factor;
    out[i + 2] = values[i + 2] * factor;
    out[i + 3] = values[i + 3] * factor;
  }
  for (let i = whole; i < values.length; i += 1) out[i] = values[i] * factor;
}

/** Rounds within the noise's norm, adds the noise and reduces to the ring, all in `steps`; gives the squared rounding error. */
function hiddenSteps(
  scaled: Float32Array,
  { step, ringBits }: ModularLayout,
  steps: Int32Array,
  rounding: Entropy,
  noise: LatticeNoise,
): number {
  const squaredError = roundWithin(scaled, step, steps, rounding, noise.normMaximum);
  noise.add(steps);
  const mask = 2 ** ringBits - 1;
  for (let i = 0; i < steps.length; i += 1) steps[i] &= mask;
  return squaredError;
}

/** Cuts elements beyond ±maximum off, in place; gives their share. */
function cutOff(vector: Float32Array, maximum: number): number {
  let count = 0;
  for (let i = 0; i < vector.length; i += 1) {
    if (vector[i] > maximum) {
      vector[i] = maximum;
      count += 1;
    } else if (vector[i] < -maximum) {
      vector[i] = -maximum;
      count += 1;
    }
  }
  return count / vector.length;
}

/** A try is too long with a probability of at most exp(-1/2): all of them are, with one below 2^-46. */
const roundingTries = 64;

/**
 * The same, until the L2 norm of `steps` is at most `normMaximum` (Kairouz, Liu, Steinke 2021, algorithm 1), in place. What
 * is too long after all tries is rounded towards zero, a little shortened: floats may have made the input longer than
 * it should be, by far less than that.
 */
function roundWithin(
  scaled: Float32Array,
  step: number,
  steps: Int32Array,
  entropy: Entropy,
  normMaximum: number,
): number {
  const values = Float32Array.from(scaled);
  for (let tries = 0; tries < roundingTries; tries += 1) {
    const squaredError = roundStochastically(values, step, steps, entropy);
    if (squaredNorm(steps) <= normMaximum ** 2) return squaredError;
  }
  let squares = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] / step;
    steps[i] = Math.trunc(value * (1 - 2 ** -10));
    squares += (steps[i] - value) ** 2;
  }
  if (squaredNorm(steps) <= normMaximum ** 2) return squares * step * step;
  throw new VectorError('invalid-encoding', `an update of norm ${normMaximum} steps cannot be rounded`);
}

function squaredNorm(steps: Int32Array): number {
  let squares = 0;
  for (let i = 0; i < steps.length; i += 1) squares += steps[i] * steps[i];
  return squares;
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
