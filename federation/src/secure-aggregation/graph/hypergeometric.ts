/** Logarithms of factorials up to `n`, grown on demand: the tails need them again and again. */
let logFactorials = Float64Array.of(0, 0);

function logFactorial(n: number): number {
  if (n >= logFactorials.length) {
    const grown = new Float64Array(Math.max(n + 1, 2 * logFactorials.length));
    grown.set(logFactorials);
    for (let i = logFactorials.length; i < grown.length; i += 1) grown[i] = grown[i - 1] + Math.log(i);
    logFactorials = grown;
  }
  return logFactorials[n];
}

/** ln of the binomial coefficient; -∞ where it is 0. */
export function logBinomial(n: number, k: number): number {
  if (k < 0 || k > n) return Number.NEGATIVE_INFINITY;
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** `drawn` items out of `population`, of which `marked` are marked: how many marked ones are drawn. */
export interface Hypergeometric {
  readonly population: number;
  readonly marked: number;
  readonly drawn: number;
}

function probability({ population, marked, drawn }: Hypergeometric, x: number): number {
  return Math.exp(
    logBinomial(marked, x) + logBinomial(population - marked, drawn - x) - logBinomial(population, drawn),
  );
}

/**
 * The smallest x with P[X >= x] <= `allowed`, found by summing terms from the small end, so that 2^-60 is as exact as
 * 1/2. One beyond the largest possible value where even that is too likely.
 */
export function upperQuantile(distribution: Hypergeometric, allowed: number): number {
  let sum = 0;
  for (let x = Math.min(distribution.marked, distribution.drawn); x >= 0; x -= 1) {
    sum += probability(distribution, x);
    if (sum > allowed) return x + 1;
  }
  return 0;
}

/** P[X < x], summed from the small end likewise. */
export function lowerTail(distribution: Hypergeometric, x: number): number {
  const first = Math.max(0, distribution.drawn - (distribution.population - distribution.marked));
  let sum = 0;
  for (let i = first; i < x && i <= distribution.drawn; i += 1) sum += probability(distribution, i);
  return Math.min(1, sum);
}
