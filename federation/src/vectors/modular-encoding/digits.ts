/**
 * Integers wider than an element can carry for a whole cohort, such as weights and metric sums, as several elements: the
 * digits of base 2^digitBits. Each digit's sum over the cohort stays below 2^ringBits, and the sum of integers is what
 * the summed digits say: exact, whatever is carried.
 */
export interface DigitField {
  /** The first element, least significant digit first. */
  readonly offset: number;
  readonly digits: number;
}

/** Writes `value`, a non-negative safe integer that the field was made for. */
export function writeDigits(vector: Uint32Array, field: DigitField, digitBits: number, value: number): void {
  const base = 2 ** digitBits;
  let rest = value;
  for (let i = 0; i < field.digits; i += 1) {
    vector[field.offset + i] = rest % base;
    rest = Math.floor(rest / base);
  }
}

/** The sum of the integers whose digits were summed. */
export function readDigits(vector: Uint32Array, field: DigitField, digitBits: number): number {
  let value = 0;
  for (let i = field.digits - 1; i >= 0; i -= 1) value = value * 2 ** digitBits + vector[field.offset + i];
  return value;
}
