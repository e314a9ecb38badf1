import { VectorError } from '../errors.js';
import { checkLength } from '../manifest.js';
import type { MetricSums } from '../metric-sums.js';
import { readDigits } from './digits.js';
import { type ModularLayout, shareBits, squaredErrorBits } from './layout.js';
import { createRotation, rotateBack } from './rotation.js';

/** What a sum of contributions says. */
export interface ModularSum {
  readonly devices: number;
  /** Sum of the weights. */
  readonly weight: number;
  /** Weighted mean of the clipped updates, `[parameterCount]`. */
  readonly mean: Float32Array;
  readonly metrics: MetricSums;
  readonly report: EncodingReport;
}

/** How much the encoding took away; nothing of it says anything of a single device. */
export interface EncodingReport {
  /** Share of devices whose update was longer than the clip norm. */
  readonly clipRate: number;
  /** Share of elements that were cut off, over all devices. */
  readonly saturationRate: number;
  /** Root mean square over the devices of ‖rounding error‖ / clip norm. */
  readonly quantizationError: number;
  /** Share of devices with a metric beyond its range. */
  readonly metricsCutRate: number;
  /**
   * With rotation, what share of the sum's elements may have wrapped around, from the spread of the others: elements are
   * near normal. Above 1e-3 the sum should not be used: allow for more agreement, or clip less.
   */
  readonly wrapRate: number;
  /**
   * L2 norm of the sum as a share of the longest that so many updates could have: what `HadamardRotation.agreement` must
   * not be below. It says nothing once elements wrap.
   */
  readonly agreement: number;
}

/**
 * Reads the unmasked `sum` of `devices` contributions; `rotationSeed` is that of the round. Throws `VectorError` `empty`
 * when nothing had a weight, `wrong-length` when it is not of this layout.
 */
export function decodeSum(
  layout: ModularLayout,
  sum: Uint32Array,
  devices: number,
  rotationSeed: Uint8Array,
): ModularSum {
  const { encoding, parameterCount, ringBits, digitBits, fields, step, weightMaximum } = layout;
  checkLength(sum, layout.vectorLength);
  if (devices < 1 || devices > layout.cohort) {
    throw new VectorError('wrong-length', `the layout is for 1..${layout.cohort} devices, got ${devices}`);
  }
  const weight = readDigits(sum, fields.weight, digitBits);
  if (weight === 0) throw new VectorError('empty', 'no contribution has a weight: there is no mean');
  const mean = new Float32Array(parameterCount);
  const modulus = 2 ** ringBits;
  const scale = (step * weightMaximum) / weight;
  let squares = 0;
  for (let i = 0; i < parameterCount; i += 1) {
    const signed = sum[i] >= modulus / 2 ? sum[i] - modulus : sum[i];
    squares += signed * signed;
    mean[i] = signed * scale;
  }
  const rotated = encoding.rotation.kind === 'hadamard';
  if (rotated) rotateBack(mean, createRotation(parameterCount, rotationSeed));
  const share = (field: keyof Omit<ModularLayout['fields'], 'metrics'>): number =>
    readDigits(sum, fields[field], digitBits) / devices;
  return {
    devices,
    weight,
    mean,
    metrics: { weight, sums: metricSums(layout, sum, devices) },
    report: {
      clipRate: share('clipped'),
      saturationRate: share('saturated') / 2 ** shareBits,
      quantizationError: Math.sqrt(share('squaredError') / 2 ** squaredErrorBits),
      metricsCutRate: share('metricsCut'),
      agreement: (step * Math.sqrt(squares)) / (devices * encoding.clipNorm),
      wrapRate: rotated ? wrapRate(Math.sqrt(squares / parameterCount), modulus / 2) : 0,
    },
  };
}

function metricSums(
  { metrics, fields, digitBits }: ModularLayout,
  sum: Uint32Array,
  devices: number,
): Record<string, number> {
  return Object.fromEntries(
    metrics.map(({ name, minimum, maximum, bits }, i) => {
      const steps = readDigits(sum, fields.metrics[i], digitBits);
      return [name, devices * minimum + (steps * (maximum - minimum)) / (2 ** bits - 1)];
    }),
  );
}

/** P[|N(0, stddev²)| > limit], to within a few percent. */
function wrapRate(stddev: number, limit: number): number {
  if (stddev === 0) return 0;
  const z = limit / stddev;
  // Mills' ratio, bounded from above (Birnbaum 1942).
  return Math.min(1, (4 / (3 * z + Math.sqrt(z * z + 8))) * Math.sqrt(2 / Math.PI) * Math.exp(-(z * z) / 2));
}
