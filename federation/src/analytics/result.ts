import type { AnalyticsQuery, Quantiles, ValueRange } from './query.js';
import { frequentKeys } from './sketch.js';
import { countsOnly } from './vector.js';

/** What a fleet's sum says. With noise on it, counts are not whole and may be negative. */
export type AnalyticsResult =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'sum'; readonly count: number; readonly sum: number }
  | { readonly kind: 'mean'; readonly count: number; readonly mean: number | null }
  | {
      readonly kind: 'variance';
      readonly count: number;
      readonly mean: number | null;
      /** Of the values as a whole (divided by their number); never negative. */
      readonly variance: number | null;
    }
  | {
      readonly kind: 'histogram';
      readonly count: number;
      /** `[bins + 1]`, rising. */
      readonly edges: readonly number[];
      /** `[bins]` */
      readonly counts: readonly number[];
      readonly below: number;
      readonly above: number;
    }
  | {
      readonly kind: 'quantiles';
      readonly count: number;
      /** Each value is right to within this, noise aside. */
      readonly resolution: number;
      readonly quantiles: readonly { readonly quantile: number; readonly value: number }[];
    }
  | {
      readonly kind: 'activations';
      /** Number of examples. */
      readonly count: number;
      /** `[tensors][buckets]`, each adding up to the number of examples. */
      readonly histograms: readonly (readonly number[])[];
      /** Counts up to this may be noise. */
      readonly noise: number;
    }
  | {
      readonly kind: 'heavy-hitters';
      readonly count: number;
      /** The most frequent first. */
      readonly values: readonly { readonly value: number; readonly count: number }[];
    };

/** Reads the sum of all devices' vectors; `noiseStddev` is the deviation of the noise on every element of it. */
export function resultOf(query: AnalyticsQuery, summed: Float64Array, noiseStddev: number): AnalyticsResult {
  const { statistic } = query;
  const sums = noiseStddev === 0 ? withWholeCounts(query, summed) : summed;
  switch (statistic.kind) {
    case 'count':
      return { kind: 'count', count: sums[0] };
    case 'sum': {
      const { minimum, maximum } = statistic;
      return {
        kind: 'sum',
        count: sums[0],
        sum: ((sums[1] + sums[0]) / 2) * (maximum - minimum) + sums[0] * minimum,
      };
    }
    case 'mean':
      return { kind: 'mean', count: sums[0], mean: meanOf(sums, statistic) };
    case 'variance':
      return {
        kind: 'variance',
        count: sums[0],
        mean: meanOf(sums, statistic),
        variance: varianceOf(sums, statistic),
      };
    case 'histogram': {
      const { bins, minimum, maximum } = statistic;
      return {
        kind: 'histogram',
        count: sums.reduce((total, value) => total + value, 0),
        edges: Array.from({ length: bins + 1 }, (_, i) => minimum + ((maximum - minimum) * i) / bins),
        counts: [...sums.subarray(1, bins + 1)],
        below: sums[0],
        above: sums[bins + 1],
      };
    }
    case 'quantiles':
      return quantilesOf(statistic, sums);
    case 'activations': {
      const { tensors, buckets } = statistic;
      const histograms = Array.from({ length: tensors }, (_, at) => [
        ...sums.subarray(at * buckets, (at + 1) * buckets),
      ]);
      const total = sums.reduce((sum, value) => sum + value, 0);
      return { kind: 'activations', count: total / tensors, histograms, noise: 4 * noiseStddev };
    }
    case 'heavy-hitters': {
      const count = sums[0];
      // Below five deviations of the noise, any of the 2^32 keys could be there by chance.
      const threshold = Math.max(1, statistic.share * count, 5 * noiseStddev);
      const found = frequentKeys(sums, 1, threshold).slice(0, statistic.top);
      return {
        kind: 'heavy-hitters',
        count,
        values: found.map(({ key, count }) => ({ value: key | 0, count })),
      };
    }
  }
}

/** What encoding and floats took from a count of values is less than a value; where noise is on it, it stays as it is. */
function withWholeCounts(query: AnalyticsQuery, sums: Float64Array): Float64Array {
  if (query.statistic.kind === 'activations') return sums;
  return countsOnly(query) ? sums.map(Math.round) : sums.map((sum, i) => (i === 0 ? Math.round(sum) : sum));
}

function meanOf(sums: Float64Array, { minimum, maximum }: ValueRange): number | null {
  // A count that noise took below one value says nothing to divide by.
  if (sums[0] < 1) return null;
  const mean = Math.min(1, Math.max(-1, sums[1] / sums[0]));
  return minimum + ((mean + 1) / 2) * (maximum - minimum);
}

function varianceOf(sums: Float64Array, { minimum, maximum }: ValueRange): number | null {
  if (sums[0] < 1) return null;
  const mean = sums[1] / sums[0];
  const half = (maximum - minimum) / 2;
  return Math.max(0, sums[2] / sums[0] - mean * mean) * half * half;
}

/** Linear within a bin; what lies outside of the range counts as its end. Negative bins are noise, and hold nothing. */
function quantilesOf(statistic: Quantiles, sums: Float64Array): AnalyticsResult {
  const { minimum, maximum, bins } = statistic;
  const held = Array.from(sums, (value) => Math.max(0, value));
  const total = held.reduce((sum, value) => sum + value, 0);
  const width = (maximum - minimum) / bins;
  const quantiles = statistic.quantiles.map((quantile) => {
    const wanted = quantile * total;
    let before = 0;
    for (let bin = 0; bin < held.length; bin += 1) {
      if (before + held[bin] >= wanted && held[bin] > 0) {
        if (bin === 0) return { quantile, value: minimum };
        if (bin === bins + 1) return { quantile, value: maximum };
        return { quantile, value: minimum + (bin - 1 + (wanted - before) / held[bin]) * width };
      }
      before += held[bin];
    }
    return { quantile, value: maximum };
  });
  return {
    kind: 'quantiles',
    count: sums.reduce((sum, value) => sum + value, 0),
    resolution: width,
    quantiles,
  };
}
