/**
 * A weighted sum of updates in O(parameters) memory whose result does not depend on the order in which the
 * updates, or the chunks of different updates, arrive.
 *
 * Floating-point addition is not associative, so a plain running sum differs in its last bits from order to order.
 * Here every contribution w·d is first rounded to a multiple of the quantum 2^-30, by adding and subtracting
 * 1.5·2^22 (where an f64 has units of 2^-30). Multiples of 2^-30 below 2^23 in magnitude are integers below 2^53 in
 * disguise, and f64 adds those exactly: the sum is the same, bit for bit, for every order, chunking and merge.
 *
 * The promise holds while every |w·d| is at most 2^21 and no partial sum can exceed 2^23. To know that in O(1), the
 * accumulator adds up the largest |w·d| of each update (rounded up to an integer); `isExact` is whether that bound
 * is still within 2^23. Past it, nothing breaks: additions round to the nearest f64 as usual, with a relative error
 * of 2^-53 each, and only the independence of order is lost in the last bits.
 *
 * The rounding itself moves a contribution by at most 2^-31: the mean of K updates of weight w each by 2^-31/w.
 */
import { VectorError } from './errors.js';
import { checkLength } from './manifest.js';

/** Added and subtracted, it rounds a magnitude of at most 2^21 to a multiple of 2^-30. */
const quantumRounder = 1.5 * 2 ** 22;
const contributionMax = 2 ** 21;
const boundMax = 2 ** 23;

/** Rounds weights, of at most 2^31, to multiples of 2^-20, so that their sums up to 2^33 are exact too. */
const weightRounder = 1.5 * 2 ** 32;
const weightMax = 2 ** 31;
const weightSumMax = 2 ** 33;

/** Sums of weighted updates. Changed in place by folding and merging; read it through this module's functions. */
export interface Accumulator {
  readonly parameterCount: number;
  /** Sum of w·d for each element: `[parameterCount]`. */
  readonly sums: Float64Array;
  /** Sum of the weights. */
  weight: number;
  /** Number of updates in the sums. */
  count: number;
  /** Sum over the updates of their largest |w·d|, each rounded up; Infinity once a single one was beyond 2^21. */
  magnitudeBound: number;
  /** Folds that have changed `sums` and did not finish; one that fails or is forgotten stays open for good. */
  openFolds: number;
}

/** An accumulator of no updates. */
export function createAccumulator(parameterCount: number): Accumulator {
  return {
    parameterCount,
    sums: new Float64Array(parameterCount),
    weight: 0,
    count: 0,
    magnitudeBound: 0,
    openFolds: 0,
  };
}

/** Whether the sums are exact, and so independent of the order of arrival bit for bit; false means "cannot promise". */
export function isExact(accumulator: Accumulator): boolean {
  return accumulator.magnitudeBound <= boundMax && accumulator.weight <= weightSumMax;
}

/**
 * The weight as it will count: rounded to a multiple of 2^-20. Throws `VectorError` `invalid-weight` unless it is in
 * 2^-20..2^31.
 */
export function roundWeight(weight: number): number {
  const rounded = weight + weightRounder - weightRounder;
  if (!(rounded > 0 && weight <= weightMax)) {
    throw new VectorError('invalid-weight', `a weight must be in 2^-20..2^31, got ${weight}`);
  }
  return rounded;
}

/** Adds an update's weight, count and largest |w·d| once all of its elements are in the sums. */
export function countUpdate(accumulator: Accumulator, weight: number, largest: number): void {
  accumulator.weight += weight;
  accumulator.count += 1;
  accumulator.magnitudeBound += boundOf(largest);
}

function boundOf(largest: number): number {
  return largest <= contributionMax ? Math.ceil(largest) : Number.POSITIVE_INFINITY;
}

/**
 * Adds `weight·values[from..to-1]` to the sums from `element` on, and gives the largest |w·d|; NaN when a value is NaN.
 */
export function addFloat32(
  sums: Float64Array,
  values: Float32Array,
  from: number,
  to: number,
  element: number,
  weight: number,
): number {
  // Four at a time, which V8 does not do by itself: half the time of one by one.
  const blocks = to - ((to - from) % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  let j = element;
  for (let i = from; i < blocks; i += 4, j += 4) {
    const first = weight * values[i];
    const second = weight * values[i + 1];
    const third = weight * values[i + 2];
    const fourth = weight * values[i + 3];
    sums[j] += first + quantumRounder - quantumRounder;
    sums[j + 1] += second + quantumRounder - quantumRounder;
    sums[j + 2] += third + quantumRounder - quantumRounder;
    sums[j + 3] += fourth + quantumRounder - quantumRounder;
    a = Math.max(a, Math.abs(first));
    b = Math.max(b, Math.abs(second));
    c = Math.max(c, Math.abs(third));
    d = Math.max(d, Math.abs(fourth));
  }
  let largest = Math.max(a, b, c, d);
  for (let i = blocks; i < to; i += 1, j += 1) {
    const contribution = weight * values[i];
    sums[j] += contribution + quantumRounder - quantumRounder;
    // Math.max, unlike a comparison, keeps a NaN.
    largest = Math.max(largest, Math.abs(contribution));
  }
  return largest;
}

/** Adds `weight·scale·values[from..to-1]` to the sums from `element` on, and gives a bound of the largest |w·d|. */
export function addQuantized(
  sums: Float64Array,
  values: Int8Array,
  from: number,
  to: number,
  element: number,
  scale: number,
  weight: number,
): number {
  // q·scale is exact in f64 (8 + 24 bits); multiplying by the weight last rounds once, as it does for f32 updates.
  for (let i = from, j = element; i < to; i += 1, j += 1) {
    sums[j] += weight * (values[i] * scale) + quantumRounder - quantumRounder;
  }
  return weight * (128 * scale);
}

/**
 * Adds all of `other` to `accumulator`, as if its updates had been folded here. Throws `VectorError` `wrong-length`
 * when they are of different models, `half-folded` when either must not be used.
 */
export function mergeAccumulators(accumulator: Accumulator, other: Accumulator): void {
  checkWhole(accumulator);
  checkWhole(other);
  checkLength(other.sums, accumulator.parameterCount);
  const { sums } = accumulator;
  for (let i = 0; i < sums.length; i += 1) sums[i] += other.sums[i];
  accumulator.weight += other.weight;
  accumulator.count += other.count;
  accumulator.magnitudeBound += other.magnitudeBound;
}

/**
 * The weighted mean `[parameterCount]`: sums / `totalWeight`, divided in f64 and rounded to f32 once. Throws
 * `VectorError` `empty` when there is no weight, `half-folded` when the sums must not be used.
 */
export function mean(accumulator: Accumulator, totalWeight = accumulator.weight): Float32Array {
  checkWhole(accumulator);
  if (accumulator.count === 0 || !(totalWeight > 0)) {
    throw new VectorError('empty', `no mean of ${accumulator.count} updates of total weight ${totalWeight}`);
  }
  const { sums } = accumulator;
  const out = new Float32Array(sums.length);
  for (let i = 0; i < sums.length; i += 1) out[i] = sums[i] / totalWeight;
  return out;
}

/** Throws `VectorError` `half-folded` while a fold is open: the sums hold a part of an update. */
export function checkWhole(accumulator: Accumulator): void {
  if (accumulator.openFolds > 0) {
    throw new VectorError(
      'half-folded',
      `${accumulator.openFolds} folds into this accumulator are unfinished; finish them, or after a failure restore its last checkpoint`,
    );
  }
}
