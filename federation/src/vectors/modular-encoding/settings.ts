import { VectorError } from '../errors.js';

/**
 * How a device's update becomes integers that can be summed in a ring Z_2^k: clipped to an L2 norm, perhaps rotated,
 * and rounded at random to multiples of a step.
 */
export interface ModularEncoding {
  /** b: the step divides the range of one element into 2^b - 2 parts. 2..16. */
  readonly bits: number;
  /** The largest L2 norm of an update; larger ones are scaled down to it. */
  readonly clipNorm: number;
  readonly rotation: NoRotation | HadamardRotation;
}

export interface NoRotation {
  readonly kind: 'none';
  /** Elements beyond ±this are cut off, and counted. */
  readonly elementMaximum: number;
}

/** See `rotation.ts`. The range of an element is ±4σ; nothing is cut off beyond, for only the sum must fit. */
export interface HadamardRotation {
  readonly kind: 'hadamard';
  /**
   * How long the sum of all updates may be, as a share of the longest possible: 1 when all are alike, of the largest
   * weight and of full norm. The ring is made for ±4σ of that; of a longer sum more than 1 element in 16,000 wraps
   * around, which the report of the decoded sum shows. In (0, 1].
   */
  readonly agreement: number;
}

/** How many standard deviations of a rotated element its range has to either side. */
export const rangeSigmas = 4;

/** A sum over examples that devices report beside their update. */
export interface ModularMetric {
  readonly name: string;
  /** What one device may report; values beyond are cut off, and counted. */
  readonly minimum: number;
  readonly maximum: number;
  /** The range is divided into 2^bits - 1 parts. 1..32. */
  readonly bits: number;
}

/** Throws `VectorError` `invalid-encoding` that names the setting and its range. */
export function checkModularEncoding({ bits, clipNorm, rotation }: ModularEncoding): void {
  if (!Number.isInteger(bits) || bits < 2 || bits > 16) {
    throw new VectorError('invalid-encoding', `bits must be an integer in 2..16, got ${bits}`);
  }
  if (!(clipNorm > 0 && clipNorm < Number.POSITIVE_INFINITY)) {
    throw new VectorError('invalid-encoding', `clipNorm must be a positive finite number, got ${clipNorm}`);
  }
  if (rotation.kind === 'hadamard') {
    if (!(rotation.agreement > 0 && rotation.agreement <= 1)) {
      throw new VectorError('invalid-encoding', `agreement must be in (0, 1], got ${rotation.agreement}`);
    }
  } else if (!(rotation.elementMaximum > 0 && rotation.elementMaximum < Number.POSITIVE_INFINITY)) {
    throw new VectorError(
      'invalid-encoding',
      `elementMaximum must be a positive finite number, got ${rotation.elementMaximum}`,
    );
  }
}

/** Throws `VectorError` `invalid-encoding` that names the metric. */
export function checkModularMetrics(metrics: readonly ModularMetric[]): void {
  const names = new Set<string>();
  for (const { name, minimum, maximum, bits } of metrics) {
    if (names.has(name)) throw new VectorError('invalid-encoding', `the metric "${name}" is listed twice`);
    names.add(name);
    if (!(Number.isFinite(minimum) && Number.isFinite(maximum) && minimum < maximum)) {
      throw new VectorError('invalid-encoding', `the metric "${name}" has no range: ${minimum}..${maximum}`);
    }
    if (!Number.isInteger(bits) || bits < 1 || bits > 32) {
      throw new VectorError('invalid-encoding', `the metric "${name}" must have 1..32 bits, got ${bits}`);
    }
  }
}
