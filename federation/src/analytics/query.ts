/** What is asked of a fleet's examples without any training. Every answer is made of one sum of vectors. */

/** A range that values are clamped to; what lies outside says only that it does. */
export interface ValueRange {
  readonly minimum: number;
  readonly maximum: number;
}

/** How many values there are. */
export interface Count {
  readonly kind: 'count';
}

/** Moments of the values, clamped to the range. */
export interface Moments extends ValueRange {
  readonly kind: 'sum' | 'mean' | 'variance';
}

/** How many values fall into each of `bins` equal parts of the range, and how many lie outside. */
export interface Histogram extends ValueRange {
  readonly kind: 'histogram';
  readonly bins: number;
}

/** The values below which the given shares of all values lie, as exact as `bins` equal parts of the range allow. */
export interface Quantiles extends ValueRange {
  readonly kind: 'quantiles';
  /** Each strictly between 0 and 1, rising. */
  readonly quantiles: readonly number[];
  readonly bins: number;
}

/** The most frequent values of an integer column, of which nobody needs to know beforehand which there are. */
export interface HeavyHitters {
  readonly kind: 'heavy-hitters';
  /** Most values in the answer. */
  readonly top: number;
  /** The least share of all values that one must have: above 0, below 1. */
  readonly share: number;
}

/**
 * How the activations of a model are distributed over the examples: a histogram for each of its tensors, from which
 * whoever asked chooses the ranges of its integers. A device computes them; its column is only looked at by the model.
 */
export interface Activations {
  readonly kind: 'activations';
  /** SHA-256 of the model's parameters, lower-case hexadecimal. */
  readonly checkpoint: string;
  readonly checkpointBytes: number;
  readonly tensors: number;
  /** Counts of one histogram. */
  readonly buckets: number;
}

export type Statistic = Count | Moments | Histogram | Quantiles | HeavyHitters | Activations;

export interface AnalyticsQuery {
  /** A feature or the target, as the contract names it; `reading.2` is one element of it. */
  readonly column: string;
  readonly statistic: Statistic;
  /** Most values of one device that count (of activations: examples), so that none can outweigh the others; chosen by chance where it has more. */
  readonly valuesMax: number;
}

export const statisticKinds = [
  'count',
  'sum',
  'mean',
  'variance',
  'histogram',
  'quantiles',
  'heavy-hitters',
  'activations',
] as const;

/** Most counts of all histograms of activations together. */
export const activationCountsMax = 2 ** 22;
export const binsMax = 65_536;
export const topMax = 1000;
export const quantilesMax = 100;
export const valuesMaxMost = 2 ** 20;
