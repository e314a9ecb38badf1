import { AnalyticsError } from './errors.js';
import type { AnalyticsQuery, Statistic, ValueRange } from './query.js';
import { addToSketch, sketchCells, sketchLevels, sketchRows } from './sketch.js';

/** Length of the vector that every device contributes to the answer. */
export function vectorLength({ statistic }: AnalyticsQuery): number {
  switch (statistic.kind) {
    case 'count':
      return 1;
    case 'sum':
    case 'mean':
      return 2;
    case 'variance':
      return 3;
    case 'histogram':
    case 'quantiles':
      return statistic.bins + 2;
    case 'heavy-hitters':
      return 1 + sketchCells;
    case 'activations':
      return statistic.tensors * statistic.buckets;
  }
}

/** Whether every element of the vector is a whole number; activations count each example in shares. */
export function countsOnly({ statistic: { kind } }: AnalyticsQuery): boolean {
  return kind !== 'sum' && kind !== 'mean' && kind !== 'variance' && kind !== 'activations';
}

/** The largest L2 norm of a device's vector: what noise has to hide. */
export function vectorNormMax({ statistic, valuesMax }: AnalyticsQuery): number {
  return valuesMax * normOfOneValue(statistic);
}

function normOfOneValue(statistic: Statistic): number {
  switch (statistic.kind) {
    case 'activations':
      // An example adds a share to every tensor's histogram, which sum up to one.
      return Math.sqrt(statistic.tensors);
    case 'count':
    case 'histogram':
    case 'quantiles':
      return 1;
    case 'sum':
    case 'mean':
      return Math.SQRT2;
    case 'variance':
      return Math.sqrt(3);
    case 'heavy-hitters':
      return Math.sqrt(1 + sketchLevels * sketchRows);
  }
}

/**
 * A device's vector for a query over `values`, of which there are at most `valuesMax`: counts first, moments of the
 * values as numbers in [-1, 1]. Throws `AnalyticsError` `wrong-values` for more values, for values that are not finite,
 * and where heavy hitters are asked for of values that are not whole numbers of 32 bits.
 */
export function vectorOf(query: AnalyticsQuery, values: ArrayLike<number>): Float32Array {
  const { statistic, valuesMax } = query;
  if (values.length > valuesMax) {
    throw new AnalyticsError('wrong-values', `A device counts ${valuesMax} values, not ${values.length}.`);
  }
  // In doubles: a device may have more values than f32 counts one by one.
  const sums = new Float64Array(vectorLength(query));
  for (let i = 0; i < values.length; i += 1) add(sums, statistic, finite(values[i]));
  return Float32Array.from(sums);
}

function add(sums: Float64Array, statistic: Statistic, value: number): void {
  switch (statistic.kind) {
    case 'count':
      sums[0] += 1;
      return;
    case 'sum':
    case 'mean':
    case 'variance': {
      const v = normalized(value, statistic);
      sums[0] += 1;
      sums[1] += v;
      if (statistic.kind === 'variance') sums[2] += v * v;
      return;
    }
    case 'histogram':
    case 'quantiles':
      sums[binOf(value, statistic, statistic.bins)] += 1;
      return;
    case 'activations':
      throw new AnalyticsError(
        'wrong-values',
        'Activations are of a model, and not of the values of a column.',
      );
    case 'heavy-hitters':
      sums[0] += 1;
      addToSketch(sums, 1, keyOf(value));
  }
}

/** Clamped, and mapped so that the range is [-1, 1]. */
function normalized(value: number, { minimum, maximum }: ValueRange): number {
  const clamped = Math.min(maximum, Math.max(minimum, value));
  return (2 * (clamped - minimum)) / (maximum - minimum) - 1;
}

/** 0 is below the range, `bins + 1` above it; the last bin holds the maximum itself. */
export function binOf(value: number, { minimum, maximum }: ValueRange, bins: number): number {
  if (value < minimum) return 0;
  if (value > maximum) return bins + 1;
  return 1 + Math.min(bins - 1, Math.floor(((value - minimum) / (maximum - minimum)) * bins));
}

function keyOf(value: number): number {
  if (Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31) return value >>> 0;
  throw new AnalyticsError(
    'wrong-values',
    'Heavy hitters are counted of whole numbers of 32 bits; this column has others. Ask for a histogram.',
  );
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new AnalyticsError('wrong-values', 'The column has values that are not finite numbers.');
}
