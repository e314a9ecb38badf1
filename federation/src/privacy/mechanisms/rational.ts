/** A non-negative fraction of integers, exact. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** The exact value of a non-negative finite double: every double is an integer times a power of two. */
export function rationalOf(value: number): Rational {
  if (!(value >= 0 && Number.isFinite(value))) {
    throw new RangeError(`only a non-negative finite number is a fraction here, got ${value}`);
  }
  let scaled = value;
  let denominator = 1n;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    denominator *= 2n;
  }
  return { numerator: BigInt(scaled), denominator };
}

/** value². */
export function squared({ numerator, denominator }: Rational): Rational {
  return { numerator: numerator * numerator, denominator: denominator * denominator };
}
