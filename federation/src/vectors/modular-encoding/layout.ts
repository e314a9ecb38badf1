import { VectorError } from '../errors.js';
import type { DigitField } from './digits.js';
import { rotationSpan } from './rotation.js';
import {
  checkModularEncoding,
  checkModularMetrics,
  type ModularEncoding,
  type ModularMetric,
  rangeSigmas,
} from './settings.js';

/** What is to be summed, by how many. */
export interface RingRequest {
  readonly encoding: ModularEncoding;
  readonly parameterCount: number;
  /** The most devices that a sum may be of. */
  readonly cohort: number;
  /** The largest weight of an update, an integer: an update counts as weight / weightMaximum of it. */
  readonly weightMaximum: number;
  readonly metrics: readonly ModularMetric[];
  /** Standard deviation, in steps, of integer noise that each device adds to each element; 0 for none. */
  readonly noiseStddevSteps?: number;
  /** The widest ring allowed; 32 where absent. */
  readonly ringBitsMaximum?: number;
}

/** Where everything lies in the summed vector, and what an element of it means. Decided when the plan is compiled. */
export interface ModularLayout extends RingRequest {
  /** k: the sum is in Z_2^k. */
  readonly ringBits: number;
  /** What one unit of a parameter's element stands for. */
  readonly step: number;
  /** Parameters first, then the digits of everything else. */
  readonly vectorLength: number;
  readonly digitBits: number;
  readonly fields: {
    readonly weight: DigitField;
    /** 1 when the update was longer than the clip norm. */
    readonly clipped: DigitField;
    /** 1 when a metric was beyond its range. */
    readonly metricsCut: DigitField;
    /** Share of elements cut off at `elementMaximum`, in 2^-16. */
    readonly saturated: DigitField;
    /** Squared L2 norm of the rounding error over that of the clip norm, in 2^-40, at most 1. */
    readonly squaredError: DigitField;
    readonly metrics: readonly DigitField[];
  };
}

/** Resolution of the shares that are reported. */
export const shareBits = 16;
/** A million elements of 16 bits have errors of 2^-20 together. */
export const squaredErrorBits = 40;

/**
 * The ring that `request` needs, and the layout of the vector. Without rotation no sum can wrap; with it see
 * `HadamardRotation`. Throws `VectorError` `invalid-encoding` that explains what does not fit and what would.
 */
export function computeRing(request: RingRequest): ModularLayout {
  const { encoding, parameterCount, cohort, weightMaximum, metrics, noiseStddevSteps = 0 } = request;
  checkModularEncoding(encoding);
  checkModularMetrics(metrics);
  checkCount('parameterCount', parameterCount, 2 ** 31);
  checkCount('cohort', cohort, 2 ** 20);
  checkCount('weightMaximum', weightMaximum, 2 ** 32);
  if (!(noiseStddevSteps >= 0 && noiseStddevSteps < 2 ** 31)) {
    throw new VectorError(
      'invalid-encoding',
      `noiseStddevSteps must be in [0, 2^31), got ${noiseStddevSteps}`,
    );
  }
  const levels = 2 ** (encoding.bits - 1) - 1;
  const cohortBits = Math.ceil(Math.log2(cohort));
  const noise = 12 * noiseStddevSteps * Math.sqrt(cohort);
  const values = sumRange(encoding, levels, cohort) + Math.ceil(noise) + 1;
  const ringBits = Math.max(Math.ceil(Math.log2(values)), cohortBits + 1);
  const maximum = Math.min(32, request.ringBitsMaximum ?? 32);
  if (ringBits > maximum) {
    throw new VectorError('invalid-encoding', explain(request, ringBits, maximum));
  }
  const digitBits = ringBits - cohortBits;
  let end = parameterCount;
  const field = (largest: number): DigitField => {
    const digits = Math.ceil(Math.log2(largest + 1) / digitBits);
    const offset = end;
    end += digits;
    return { offset, digits };
  };
  const fields = {
    weight: field(weightMaximum),
    clipped: field(1),
    metricsCut: field(1),
    saturated: field(2 ** shareBits),
    squaredError: field(2 ** squaredErrorBits),
    metrics: metrics.map(({ bits }) => field(2 ** bits - 1)),
  };
  const range =
    encoding.rotation.kind === 'none'
      ? // As elements are f32, so is where they are cut off.
        Math.fround(encoding.rotation.elementMaximum)
      : (rangeSigmas * encoding.clipNorm) / Math.sqrt(rotationSpan(parameterCount));
  return { ...request, ringBits, step: range / levels, vectorLength: end, digitBits, fields };
}

/** How many values a sum may take beside 0. */
function sumRange({ rotation }: ModularEncoding, levels: number, cohort: number): number {
  if (rotation.kind === 'none') return 2 * levels * cohort;
  // Rounding adds an error of at most half a step's deviation a device: four of their sum's to either side.
  const rounding = 2 * rangeSigmas * 0.5 * Math.sqrt(cohort);
  return Math.ceil(2 * levels * Math.max(1, rotation.agreement * cohort) + rounding);
}

function explain(
  { encoding, cohort, noiseStddevSteps = 0 }: RingRequest,
  bits: number,
  maximum: number,
): string {
  const noise = noiseStddevSteps > 0 ? ` and noise of ${noiseStddevSteps} steps each` : '';
  const over = bits - maximum;
  const remedies = [`encode with ${over} bits less`, `divide the cohort by ${2 ** over}`];
  if (encoding.rotation.kind === 'none') remedies.push('rotate, and allow for less agreement');
  return (
    `a sum of ${cohort} updates of ${encoding.bits} bits${noise} takes ${bits} bits, but the ring has at most ` +
    `${maximum}; ${remedies.join(', or ')}`
  );
}

function checkCount(name: string, value: number, maximum: number): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > maximum) {
    throw new VectorError('invalid-encoding', `${name} must be an integer in 1..${maximum}, got ${value}`);
  }
}
