/**
 * The prime field of 2^26 - 5 elements: the largest whose products, below 2^52, are exact in a JavaScript number, so
 * that no step needs a BigInt.
 */
export const prime = 67_108_859;

const inversePrime = 1 / prime;

/** a·b; both in 0..prime-1. */
export function multiply(a: number, b: number): number {
  return reduce(a * b);
}

/** `value` modulo the prime, for an integer in 0..2^52. */
export function reduce(value: number): number {
  // The quotient may be one off either way: its factor is rounded.
  const remainder = value - Math.floor(value * inversePrime) * prime;
  if (remainder < 0) return remainder + prime;
  return remainder >= prime ? remainder - prime : remainder;
}

/** a - b. */
export function subtract(a: number, b: number): number {
  return a >= b ? a - b : a - b + prime;
}

/** 1/a for a in 1..prime-1, as a^(prime-2) (Fermat). */
export function invert(a: number): number {
  let result = 1;
  let square = a;
  for (let exponent = prime - 2; exponent > 0; exponent = Math.floor(exponent / 2)) {
    if (exponent % 2 === 1) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}
