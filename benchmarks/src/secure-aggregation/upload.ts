import { packedLength } from '@starling/federation';

/** Of a certificate in a device's advertised keys, about. */
const certificateBytes = 500;

/**
 * Bytes that one client sends in a round, all told: keys and their signature with certificate; a commitment and a sealed
 * box of 89 bytes for each neighbour; the packed update; a signature; a revealed share of 36 bytes with its owner's index
 * for each neighbour.
 */
export function uploadBytes(vectorLength: number, ringBits: number, degree: number): number {
  const keys = 3 * 32 + 64 + certificateBytes;
  return keys + 32 + 89 * degree + packedLength(vectorLength, ringBits) + 64 + 40 * degree;
}
