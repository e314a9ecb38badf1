/**
 * Exact Poisson integers by inversion: a uniform number is compared with the distribution function, both known
 * only to so many bits at first, and to more whenever those do not decide. No floating point takes part, so that
 * the distribution is the Poisson distribution itself and not something near it.
 */
import { type CumulativeWeights, poissonWeights } from './poisson-weights.js';
import type { RandomIntegers } from './random-integers.js';
import type { Rational } from './rational.js';

/** Bits of the first comparison; both sides are integers that a double holds. */
const leadingBits = 52;

const guideBits = 12;

/** How many bits are added when a comparison does not decide. */
const extraBits = 48;

/** Draws of one Poisson distribution. */
export type PoissonSampler = (random: RandomIntegers) => number;

/**
 * A sampler with mean `mean` > 0. Takes memory and time in √mean to set up, then two table look-ups a draw.
 * `precisionBits` is where the weights start; they are computed anew with twice as many when they do not decide.
 */
export function createPoissonSampler(mean: Rational, precisionBits = 128): PoissonSampler {
  let weights = poissonWeights(mean, precisionBits);
  const { certainlyBelow, possiblyBelow, guide } = leadingTable(weights);

  /** Decides with ever more bits of the same uniform number; `drawn` are its first `bits`. */
  const refine = (random: RandomIntegers, drawn: number): number => {
    let bits = leadingBits;
    for (let uniform = BigInt(drawn); ; ) {
      uniform = (uniform << BigInt(extraBits)) | BigInt(random.word48());
      bits += extraBits;
      while (weights.precisionBits < bits + extraBits) {
        weights = poissonWeights(mean, 2 * weights.precisionBits);
      }
      const found = search(weights, uniform, bits);
      if (found !== undefined) return found;
    }
  };

  return (random) => {
    const drawn = (random.word() >>> 6) * 2 ** 26 + (random.word() >>> 6);
    let index = guide[Math.floor(drawn / 2 ** (leadingBits - guideBits))];
    while (index < certainlyBelow.length && drawn + 1 > certainlyBelow[index]) index += 1;
    const decided = index < certainlyBelow.length && (index === 0 || drawn >= possiblyBelow[index - 1]);
    // The lowest entry stands for nothing else only where no value below it was left out.
    if (!decided || (index === 0 && weights.lowest > 0)) return refine(random, drawn);
    return weights.lowest + index;
  };
}

/** Bounds of the distribution function in units of 2^-52, and where to start looking for a draw's first 12 bits. */
function leadingTable(weights: CumulativeWeights) {
  const { cumulative } = weights;
  const certainlyBelow = new Float64Array(cumulative.length);
  const possiblyBelow = new Float64Array(cumulative.length);
  for (let i = 0; i < cumulative.length; i += 1) {
    certainlyBelow[i] = Number(lowerBound(weights, i, leadingBits));
    possiblyBelow[i] = Number(upperBound(weights, i, leadingBits));
  }
  const guide = new Uint32Array(2 ** guideBits);
  for (let cell = 0, index = 0; cell < guide.length; cell += 1) {
    const first = cell * 2 ** (leadingBits - guideBits);
    while (index < certainlyBelow.length && first + 1 > certainlyBelow[index]) index += 1;
    guide[cell] = index;
  }
  return { certainlyBelow, possiblyBelow, guide };
}

/** The largest integer that is certainly not above 2^bits times the distribution function at index `i`. */
function lowerBound({ cumulative, total, slack }: CumulativeWeights, i: number, bits: number): bigint {
  return (cumulative[i] << BigInt(bits)) / (total + slack);
}

/** An integer that is certainly not below it. */
function upperBound({ cumulative, total, slack }: CumulativeWeights, i: number, bits: number): bigint {
  return ((cumulative[i] + slack) << BigInt(bits)) / total + 1n;
}

/** The value whose share of [0, 1) holds every number that starts with `uniform`, or undefined when bits are missing. */
function search(weights: CumulativeWeights, uniform: bigint, bits: number): number | undefined {
  let from = 0;
  let to = weights.cumulative.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (uniform + 1n > lowerBound(weights, middle, bits)) from = middle + 1;
    else to = middle;
  }
  if (from === weights.cumulative.length) return undefined;
  const before = from === 0 ? belowLowest(weights, bits) : upperBound(weights, from - 1, bits);
  return uniform >= before ? weights.lowest + from : undefined;
}

/** What values below the first entry may have, at the most. */
function belowLowest({ lowest, total, slack }: CumulativeWeights, bits: number): bigint {
  return lowest === 0 ? 0n : (slack << BigInt(bits)) / total + 1n;
}
