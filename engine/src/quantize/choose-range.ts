/** From the distribution of a tensor's values to the range that its integers cover. */
import { QuantizeError } from './errors.js';
import type { RangeSketch } from './range-sketch.js';

/** The values that the smallest and the largest integer stand for; 0 lies between them. */
export interface ValueRange {
  readonly minimum: number;
  readonly maximum: number;
}

/** Ways to choose what the integers stand for: all that was seen, nearly all of it, or what loses the least information. */
export const rangeMethods = ['minmax', 'percentile', 'entropy'] as const;
export type RangeMethod = (typeof rangeMethods)[number];

export interface RangeOptions {
  readonly method: RangeMethod;
  /** For `percentile`: share of the values that the range holds, in percent; half of the rest is cut off at each end. */
  readonly percentile?: number;
  /** Counts up to this are taken for noise: a sum under masks is rounded. */
  readonly noise?: number;
}

const percentileDefault = 99.999;
/** Of the histogram that `entropy` searches, and of the integers it is compared with. */
const entropyBins = 2048;
const entropyLevels = 128;

/**
 * The range by one of three methods:
 * - `minmax`: every value seen;
 * - `percentile`: all but the rarest values at both ends;
 * - `entropy`: the cut whose distribution, told in 128 levels, is nearest to the full one by Kullback and Leibler
 *   (Migacz 2017, "8-bit Inference with TensorRT"), on magnitudes.
 * @throws QuantizeError `quantize/calibration` where nothing was counted
 */
export function chooseRange(sketch: RangeSketch, options: RangeOptions): ValueRange {
  const counts = denoised(sketch, options.noise ?? 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total <= 0) {
    throw new QuantizeError(
      'quantize/calibration',
      'a tensor has no values to take a range from; calibrate with at least one example',
    );
  }
  const seen = seenRange(sketch, counts);
  switch (options.method) {
    case 'minmax':
      return withZero(seen);
    case 'percentile':
      return withZero(percentileRange(sketch, counts, total, seen, options.percentile ?? percentileDefault));
    case 'entropy':
      return withZero(entropyRange(sketch, counts, seen));
  }
}

function denoised(sketch: RangeSketch, noise: number): Float64Array {
  return noise === 0 ? sketch.counts : sketch.counts.map((count) => (count > noise ? count : 0));
}

function withZero({ minimum, maximum }: ValueRange): ValueRange {
  // A tensor of zeros has a range too: it is quantized exactly by any scale.
  if (minimum >= 0 && maximum <= 0) return { minimum: 0, maximum: 1 };
  return { minimum: Math.min(0, minimum), maximum: Math.max(0, maximum) };
}

/** Of the extremes where they were seen, of the outermost buckets otherwise. */
function seenRange(sketch: RangeSketch, counts: Float64Array): ValueRange {
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  return {
    minimum: Math.max(sketch.edges(first)[0], finiteOr(sketch.minimum, Number.NEGATIVE_INFINITY)),
    maximum: Math.min(sketch.edges(last)[1], finiteOr(sketch.maximum, Number.POSITIVE_INFINITY)),
  };
}

const finiteOr = (value: number, otherwise: number): number => (Number.isFinite(value) ? value : otherwise);

function percentileRange(
  sketch: RangeSketch,
  counts: Float64Array,
  total: number,
  seen: ValueRange,
  percentile: number,
): ValueRange {
  if (!(percentile > 50 && percentile <= 100)) {
    throw new QuantizeError(
      'quantize/options',
      `a percentile is above 50 and at most 100, found ${percentile}`,
    );
  }
  const cut = (total * (1 - percentile / 100)) / 2;
  return {
    minimum: Math.max(seen.minimum, quantile(sketch, counts, cut)),
    maximum: Math.min(seen.maximum, quantile(sketch, counts, total - cut)),
  };
}

/** The value below which `wanted` values lie; linear within a bucket. */
function quantile(sketch: RangeSketch, counts: Float64Array, wanted: number): number {
  let before = 0;
  for (let index = 0; index < counts.length; index++) {
    const count = counts[index];
    if (count > 0 && before + count >= wanted) {
      const [low, high] = sketch.edges(index);
      return low + ((high - low) * (wanted - before)) / count;
    }
    before += count;
  }
  return Number.POSITIVE_INFINITY;
}

function entropyRange(sketch: RangeSketch, counts: Float64Array, seen: ValueRange): ValueRange {
  const largest = Math.max(-seen.minimum, seen.maximum);
  if (largest <= 0) return seen;
  const cut = (largest * bestCut(magnitudes(sketch, counts, largest))) / entropyBins;
  return { minimum: Math.max(seen.minimum, -cut), maximum: Math.min(seen.maximum, cut) };
}

/** `[entropyBins]`: how many magnitudes lie in each equal part of 0 to `largest`. */
function magnitudes(sketch: RangeSketch, counts: Float64Array, largest: number): Float64Array {
  const bins = new Float64Array(entropyBins);
  for (let index = 0; index < counts.length; index++) {
    if (counts[index] === 0) continue;
    const [a, b] = sketch.edges(index);
    const low = Math.min(largest, Math.min(Math.abs(a), Math.abs(b)));
    const high = Math.min(largest, Math.max(Math.abs(a), Math.abs(b)));
    spread(bins, counts[index], (low / largest) * entropyBins, (high / largest) * entropyBins);
  }
  return bins;
}

/** Adds a count evenly over the bins from `low` to `high`, which need not be whole. */
function spread(bins: Float64Array, count: number, low: number, high: number): void {
  const first = Math.min(bins.length - 1, Math.floor(low));
  const last = Math.min(bins.length - 1, Math.ceil(high) - 1);
  if (last <= first) {
    bins[first] += count;
    return;
  }
  for (let bin = first; bin <= last; bin++) {
    bins[bin] += (count * (Math.min(high, bin + 1) - Math.max(low, bin))) / (high - low);
  }
}

/** Number of bins to keep. The first bin is left out of the comparison: exact zeros cost nothing at any scale. */
function bestCut(bins: Float64Array): number {
  let best = entropyBins;
  let least = Number.POSITIVE_INFINITY;
  let inside = 0;
  const total = bins.reduce((sum, count) => sum + count, 0) - bins[0];
  for (let end = 1; end <= entropyBins; end++) {
    if (end > 1) inside += bins[end - 1];
    if (end < entropyLevels || (end % 16 !== 0 && end !== entropyBins)) continue;
    const divergence = divergenceOf(bins, end, total - inside);
    if (divergence < least) {
      least = divergence;
      best = end;
    }
  }
  return best;
}

/** Kullback and Leibler's divergence of the first `end` bins, the rest added to the last, from their 128 levels. */
function divergenceOf(bins: Float64Array, end: number, outside: number): number {
  const levels = new Float64Array(entropyLevels);
  const filled = new Float64Array(entropyLevels);
  const levelOf = (bin: number): number =>
    Math.min(entropyLevels - 1, Math.floor((bin * entropyLevels) / end));
  let total = outside;
  let kept = 0;
  for (let bin = 1; bin < end; bin++) {
    levels[levelOf(bin)] += bins[bin];
    if (bins[bin] > 0) filled[levelOf(bin)] += 1;
    total += bins[bin];
    kept += bins[bin];
  }
  if (kept === 0) return Number.POSITIVE_INFINITY;
  let divergence = 0;
  for (let bin = 1; bin < end; bin++) {
    const p = (bins[bin] + (bin === end - 1 ? outside : 0)) / total;
    if (p <= 0) continue;
    const level = levelOf(bin);
    const q = bins[bin] > 0 ? levels[level] / filled[level] / kept : 1e-9;
    divergence += p * Math.log(p / q);
  }
  return divergence;
}
