/**
 * Chance as a parameter: production hands in the operating system's generator, tests and simulations a seeded
 * one, so that a seed decides everything.
 */
export interface Entropy {
  /** `length` fresh random bytes, each uniform over 0..255; the caller owns the array. */
  bytes(length: number): Uint8Array;
}

/** A uniform integer in 0..2^32-1. */
export function uint32(entropy: Entropy): number {
  const bytes = entropy.bytes(4);
  return ((bytes[0] | (bytes[1] << 8) | (bytes[2] << 16)) + bytes[3] * 0x1000000) >>> 0;
}

/** A uniform number in [0, 1), a multiple of 2^-53. */
export function uniform(entropy: Entropy): number {
  const high = uint32(entropy) >>> 5;
  const low = uint32(entropy) >>> 6;
  return (high * 2 ** 26 + low) * 2 ** -53;
}

/** A uniform integer in 0..bound-1, without modulo bias; `bound` is an integer in 1..2^32. */
export function uniformInteger(entropy: Entropy, bound: number): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
    throw new RangeError(`bound must be an integer in 1..2^32, got ${bound}`);
  }
  const acceptedBelow = 2 ** 32 - (2 ** 32 % bound);
  for (;;) {
    const drawn = uint32(entropy);
    if (drawn < acceptedBelow) return drawn % bound;
  }
}

/** Shuffles `items` in place: every order is equally likely (Fisher and Yates). Gives `items` back. */
export function shuffle<T>(entropy: Entropy, items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = uniformInteger(entropy, i + 1);
    const held = items[i];
    items[i] = items[j];
    items[j] = held;
  }
  return items;
}

/** An id in the form of a version 4 UUID (RFC 9562, section 5.4): 122 random bits. */
export function randomId(entropy: Entropy): string {
  const bytes = entropy.bytes(16);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
