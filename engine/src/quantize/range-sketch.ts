/**
 * How the values of one tensor are distributed, in one pass and in memory that does not grow: counts in buckets whose
 * width is a fixed share of their value. Sketches of the same layout add up, so that a fleet's is the sum of its
 * devices' and needs no second pass to agree on a range.
 *
 * A bucket is an exponent and the first bits of the mantissa of a float32, read from its bits: no logarithm is taken.
 */
import { QuantizeError } from './errors.js';

/** Magnitudes below 2^-24 count as zero, those from 2^16 on as the largest bucket. */
const exponentMin = -24;
const exponentMax = 16;
const float32Bias = 127;
const mantissaBits = 23;

export interface SketchLayout {
  /** Buckets an octave, as a power of two: 4 bits are 16 buckets, whose edges are 3 to 6 percent apart. */
  readonly bits: number;
}

/** What a calibration with the examples at hand uses: 64 buckets an octave, 40 KiB a tensor. */
export const localLayout: SketchLayout = { bits: 6 };
/** What a device sends: 16 buckets an octave, 1281 numbers a tensor. */
export const fleetLayout: SketchLayout = { bits: 4 };

/** Buckets on one side of zero. */
function bucketsOfSide({ bits }: SketchLayout): number {
  return (exponentMax - exponentMin) << bits;
}

/** Length of a sketch's counts: the negative side, zero, the positive side. */
export function sketchLength(layout: SketchLayout): number {
  return 2 * bucketsOfSide(layout) + 1;
}

/**
 * A histogram of values in buckets that widen with their distance from 0, so that any range is told to a share of itself; sketches of
 * one layout are added up by adding their counts.
 * @throws QuantizeError `quantize/calibration` for counts of another layout, and for values that are not finite
 */
export class RangeSketch {
  readonly layout: SketchLayout;
  /** From the most negative bucket to the most positive one. */
  readonly counts: Float64Array;
  /** The extremes where they were seen; of a sum of sketches only buckets are known. */
  minimum = Number.POSITIVE_INFINITY;
  maximum = Number.NEGATIVE_INFINITY;

  constructor(layout: SketchLayout = localLayout, counts = new Float64Array(sketchLength(layout))) {
    if (counts.length !== sketchLength(layout)) {
      throw new QuantizeError(
        'quantize/calibration',
        `a range sketch has ${sketchLength(layout)} counts, but ${counts.length} were given; use the layout they were made with`,
      );
    }
    this.layout = layout;
    this.counts = counts;
  }

  /** Number of values, or their weight. */
  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Counts values. @throws QuantizeError `quantize/calibration` where one is not finite */
  add(values: Float32Array): void {
    const { counts } = this;
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    const shift = mantissaBits - this.layout.bits;
    const first = (exponentMin + float32Bias) << this.layout.bits;
    const side = bucketsOfSide(this.layout);
    let { minimum, maximum } = this;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (value < minimum) minimum = value;
      if (value > maximum) maximum = value;
      const magnitude = ((bits[i] & 0x7fffffff) >>> shift) - first;
      const distance = magnitude < 0 ? 0 : magnitude >= side ? side : magnitude + 1;
      counts[bits[i] < 0 ? side - distance : side + distance] += 1;
    }
    // A NaN compares with nothing, but has the largest exponent; infinities reach the extremes.
    if (!Number.isFinite(minimum) || !Number.isFinite(maximum) || values.some(Number.isNaN)) {
      throw new QuantizeError(
        'quantize/calibration',
        'an activation is not finite; check the examples for extreme values, and the model for divergence',
      );
    }
    this.minimum = minimum;
    this.maximum = maximum;
  }

  /** The values between which bucket `index` lies. */
  edges(index: number): readonly [number, number] {
    const side = bucketsOfSide(this.layout);
    if (index === side) return [0, 0];
    const distance = Math.abs(index - side);
    const low = edgeOf(distance - 1, this.layout);
    const high = edgeOf(distance, this.layout);
    return index > side ? [low, high] : [-high, -low];
  }
}

/** Lower edge of the bucket at `position` from 2^exponentMin on. */
function edgeOf(position: number, { bits }: SketchLayout): number {
  const octave = position >> bits;
  const within = position & ((1 << bits) - 1);
  return 2 ** (exponentMin + octave) * (1 + within / (1 << bits));
}
