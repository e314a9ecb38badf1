/**
 * Coins with exact probabilities, without floating point (Canonne, Kamath, Steinke 2020, "The Discrete Gaussian for
 * Differential Privacy", algorithm 1).
 */
import type { RandomIntegers } from './random-integers.js';

/** true with probability numerator/denominator, for 0 ≤ numerator ≤ denominator. */
export function bernoulli(random: RandomIntegers, numerator: bigint, denominator: bigint): boolean {
  // A uniform number is compared with the fraction 48 bits at a time; the first difference decides.
  let rest = numerator;
  for (;;) {
    if (rest >= denominator) return true;
    const scaled = rest << 48n;
    const digit = Number(scaled / denominator);
    const drawn = random.word48();
    if (drawn !== digit) return drawn < digit;
    rest = scaled % denominator;
    if (rest === 0n) return false;
  }
}

/** true with probability exp(-numerator/denominator), for numerator ≥ 0. */
export function bernoulliExp(random: RandomIntegers, numerator: bigint, denominator: bigint): boolean {
  let rest = numerator;
  while (rest > denominator) {
    if (!bernoulliExpOfOne(random)) return false;
    rest -= denominator;
  }
  // exp(-γ) for γ ≤ 1: the number of successes in a row of coins γ/1, γ/2, γ/3, … is even.
  for (let k = 1; ; k += 1) {
    if (random.below(k) !== 0 || !bernoulli(random, rest, denominator)) return k % 2 === 1;
  }
}

/** The same for small integers, 0 ≤ numerator ≤ denominator ≤ 2^32. */
export function bernoulliExpSmall(random: RandomIntegers, numerator: number, denominator: number): boolean {
  for (let k = 1; ; k += 1) {
    if (random.below(k) !== 0 || random.below(denominator) >= numerator) return k % 2 === 1;
  }
}

/** true with probability 1/e. */
export function bernoulliExpOfOne(random: RandomIntegers): boolean {
  for (let k = 1; ; k += 1) if (random.below(k) !== 0) return k % 2 === 1;
}
