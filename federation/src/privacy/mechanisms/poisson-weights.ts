import type { Rational } from './rational.js';

/** Poisson weights in integers, summed up, with a proved bound on what rounding and cutting took away. */
export interface CumulativeWeights {
  /** The value of the first entry. */
  readonly lowest: number;
  /**
   * Entry i is at most the true weight of all values up to `lowest + i`, those below `lowest` included, and more
   * than it less `slack`.
   */
  readonly cumulative: readonly bigint[];
  /** The last entry; the true weight of everything is at least this and at most `total + slack`. */
  readonly total: bigint;
  readonly slack: bigint;
  readonly precisionBits: number;
}

/**
 * Weights proportional to λ^k/k!, 2^precisionBits at the mode, each rounded down. From the mode outwards a weight is
 * the one before times a ratio of at most 1, so that after s steps it is less than s units too small.
 */
export function poissonWeights(
  { numerator, denominator }: Rational,
  precisionBits: number,
): CumulativeWeights {
  const mode = Number(numerator / denominator);
  const peak = 1n << BigInt(precisionBits);
  let slack = 0n;

  const down: bigint[] = [];
  let lowest = mode;
  for (let weight = peak; lowest > 0; ) {
    // w(k-1) = w(k)·k/λ
    weight = (weight * BigInt(lowest) * denominator) / numerator;
    if (weight === 0n) break;
    lowest -= 1;
    down.push(weight);
    slack += BigInt(down.length);
  }
  // Each of the `lowest` values left out weighs less than one rounding error after as many steps.
  slack += BigInt(lowest) * BigInt(down.length + 1);

  const up: bigint[] = [];
  for (let weight = peak; ; ) {
    const next = BigInt(mode + up.length + 1);
    // w(k+1) = w(k)·λ/(k+1)
    weight = (weight * numerator) / (denominator * next);
    if (weight === 0n) {
      // A geometric series bounds the rest: the first term is under up.length + 1 units, the ratio λ/(next + 1).
      slack +=
        (BigInt(up.length + 1) * denominator * (next + 1n)) / (denominator * (next + 1n) - numerator) + 1n;
      break;
    }
    up.push(weight);
    slack += BigInt(up.length);
  }

  const cumulative: bigint[] = [];
  let total = 0n;
  for (const weight of [...down.reverse(), peak, ...up]) {
    total += weight;
    cumulative.push(total);
  }
  return { lowest, cumulative, total, slack, precisionBits };
}
