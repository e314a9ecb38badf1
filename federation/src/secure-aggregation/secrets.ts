import { sealOverhead } from './keys/index.js';
import { hkdf, type Mask } from './masks/index.js';
import { secretBytes, shareBytes } from './shamir/index.js';
import { digest, transcript } from './transcript.js';

/** Format of the plain text inside a box. */
const boxVersion = 1;
const boxBytes = 1 + 2 * shareBytes;

/** Length of a box with one neighbour's shares. */
export const sealedBytes = boxBytes + sealOverhead;

/** What one neighbour holds of a device: a share of each of its secrets, of which it gives away one at most. */
export interface HeldShares {
  readonly selfMask: Uint8Array;
  readonly maskKey: Uint8Array;
}

/** Plain text of a box: the version, 36 bytes of the self mask's share, 36 of the mask key's. */
export function encodeHeldShares({ selfMask, maskKey }: HeldShares): Uint8Array {
  const bytes = new Uint8Array(boxBytes);
  bytes[0] = boxVersion;
  bytes.set(selfMask, 1);
  bytes.set(maskKey, 1 + shareBytes);
  return bytes;
}

/** Undefined for what `encodeHeldShares` did not write. */
export function decodeHeldShares(bytes: Uint8Array): HeldShares | undefined {
  if (bytes.length !== boxBytes || bytes[0] !== boxVersion) return undefined;
  return { selfMask: bytes.slice(1, 1 + shareBytes), maskKey: bytes.slice(1 + shareBytes) };
}

/** 24 bytes. The keys of a box are fresh in every round and each end seals one message: its direction is enough. */
export function sealNonce(roster: Uint8Array, sender: number, recipient: number): Uint8Array {
  return digest('seal nonce', roster, sender, recipient).subarray(0, 24);
}

/** The x coordinate at which `holder` holds its shares: never 0, where the secret is. */
export function pointOf(holder: number): number {
  return holder + 1;
}

/** What a device says of its self mask's secret in advance; 32 uniform bytes cannot be guessed from it. */
export function commitmentOf(secret: Uint8Array, roster: Uint8Array, index: number): Uint8Array {
  return digest('commitment', roster, index, secret);
}

/** The mask that hides a device's update until enough neighbours have seen it arrive. */
export function selfMask(secret: Uint8Array, roster: Uint8Array, index: number): Mask {
  return { key: hkdf(secret, roster, transcript('self mask', index), secretBytes), sign: 'add' };
}

/**
 * The mask that `device` puts on for its pair with `neighbour`, who puts on its negative: the lower index adds. `shared`
 * is what their mask keys agree on.
 */
export function pairMask(shared: Uint8Array, roster: Uint8Array, device: number, neighbour: number): Mask {
  const info = transcript('pair mask', Math.min(device, neighbour), Math.max(device, neighbour));
  return { key: hkdf(shared, roster, info, secretBytes), sign: device < neighbour ? 'add' : 'subtract' };
}

/** The mask that takes `mask` off again. */
export function negated({ key, sign }: Mask): Mask {
  return { key, sign: sign === 'add' ? 'subtract' : 'add' };
}
