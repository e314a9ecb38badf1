import type { DeviceSet } from './device-set.js';
import type { AdvertisedKeys } from './messages.js';
import { digest, transcript } from './transcript.js';

/** Bytes of one device in a roster. */
export const leafBytes = 32;

/** Who a certificate says that a device is: its Ed25519 key of 32 bytes; undefined when the fleet does not know it. */
export type TrustCertificate = (certificate: Uint8Array, device: string) => Uint8Array | undefined;

/** What a device signs when it advertises keys. */
export function keysTranscript(keys: Omit<AdvertisedKeys, 'signature'>): Uint8Array {
  return transcript('keys', keys.round, keys.device, keys.certificate, keys.sealKey, keys.maskKey);
}

/** A device's place in the roster, by everything it advertised. */
export function leafHash(keys: AdvertisedKeys): Uint8Array {
  return digest('leaf', keysTranscript(keys), keys.signature);
}

/**
 * Names this round among these devices with these keys and this graph. It seeds the graph's permutation and salts every
 * derivation, so that a coordinator cannot choose who is whose neighbour but by trying other keys.
 */
export function rosterHash(
  round: Uint8Array,
  leaves: Uint8Array,
  degree: number,
  threshold: number,
): Uint8Array {
  return digest('roster', round, leaves, degree, threshold);
}

/** What survivors sign: whose updates are in the sum, and who shared keys but is not. */
export function survivorsTranscript(
  roster: Uint8Array,
  survivors: DeviceSet,
  dropouts: DeviceSet,
): Uint8Array {
  return transcript('survivors', roster, survivors, dropouts);
}
