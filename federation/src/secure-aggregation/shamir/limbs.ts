/**
 * Secrets as field elements. 32 bytes are 11 limbs of 24 bits, each shared by a polynomial of its own; a share is the
 * 11 values, 26 bits each, whatever the threshold.
 */
export const secretBytes = 32;
export const limbCount = 11;
const limbBits = 24;

/** Bytes of one packed share: 11 · 26 bits. */
export const shareBytes = Math.ceil((limbCount * 26) / 8);

/** The limbs of a secret of 32 bytes, least significant first (little-endian bytes). */
export function limbsOf(secret: Uint8Array): Float64Array {
  const limbs = new Float64Array(limbCount);
  for (let i = 0; i < secretBytes; i += 1) {
    limbs[Math.floor(i / 3)] += secret[i] * 2 ** (8 * (i % 3));
  }
  return limbs;
}

/** The secret, or undefined where limbs are beyond 32 bytes: the shares were not shares of one secret. */
export function secretOf(limbs: Float64Array): Uint8Array | undefined {
  const secret = new Uint8Array(secretBytes);
  for (let limb = 0; limb < limbCount; limb += 1) {
    const bits = limb === limbCount - 1 ? 16 : limbBits;
    if (limbs[limb] >= 2 ** bits) return undefined;
    for (let byte = 0; byte < bits / 8; byte += 1) {
      secret[3 * limb + byte] = Math.floor(limbs[limb] / 2 ** (8 * byte)) % 256;
    }
  }
  return secret;
}

/** Writes 11 values of 26 bits, least significant bit first, at `position` of `out`. */
export function packShare(values: Float64Array, out: Uint8Array, position: number): void {
  let held = 0;
  let bits = 0;
  let at = position;
  for (const value of values) {
    // At most 7 bits are held, so 33 bits are exact.
    held += value * 2 ** bits;
    bits += 26;
    while (bits >= 8) {
      out[at] = held % 256;
      held = Math.floor(held / 256);
      bits -= 8;
      at += 1;
    }
  }
  if (bits > 0) out[at] = held;
}

/** Reads what `packShare` wrote. */
export function unpackShare(bytes: Uint8Array, position: number): Float64Array {
  const values = new Float64Array(limbCount);
  let held = 0;
  let bits = 0;
  let at = position;
  for (let limb = 0; limb < limbCount; limb += 1) {
    while (bits < 26) {
      held += bytes[at] * 2 ** bits;
      bits += 8;
      at += 1;
    }
    values[limb] = held % 2 ** 26;
    held = Math.floor(held / 2 ** 26);
    bits -= 26;
  }
  return values;
}
