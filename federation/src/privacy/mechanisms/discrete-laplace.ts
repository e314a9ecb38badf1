import { bernoulliExpOfOne, bernoulliExpSmall } from './bernoulli.js';
import type { RandomIntegers } from './random-integers.js';

/**
 * A discrete Laplace integer: P(y) proportional to exp(-|y|/scale), exactly, for an integer `scale` in 1..2^32
 * (Canonne, Kamath, Steinke 2020, algorithm 2 with s = 1).
 */
export function discreteLaplace(random: RandomIntegers, scale: number): number {
  for (;;) {
    const low = random.below(scale);
    if (!bernoulliExpSmall(random, low, scale)) continue;
    let high = 0;
    while (bernoulliExpOfOne(random)) high += 1;
    const magnitude = low + scale * high;
    const negative = random.below(2) === 1;
    // Zero has no sign: half of the time it would be counted twice.
    if (negative && magnitude === 0) continue;
    return negative ? -magnitude : magnitude;
  }
}
