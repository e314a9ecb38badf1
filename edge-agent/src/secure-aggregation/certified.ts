/** Who this device is in secure aggregation, and whom it believes: those whom the fleet's authority certified. */
import type { DeviceIdentity as Party } from '@starling/federation';
import { rawPublicKey, StarlingError, verifyDeviceCertificate } from '@starling/proto';
import { AgentError } from '../errors.js';
import { type DeviceIdentity, signAsDevice } from '../identity/index.js';

/** Throws `AgentError` `agent/not-enrolled` where the device has no certificate to sign under. */
export function partyIdentity(device: string, identity: DeviceIdentity | undefined): Party {
  if (identity === undefined) {
    throw new AgentError(
      'agent/not-enrolled',
      `The device ${device} has no certificate, so no other device would believe its keys; enrol it first.`,
    );
  }
  const { certificate } = identity;
  return { device, certificate, sign: (message) => signAsDevice(identity, message) };
}

/** The Ed25519 key of a neighbour whose certificate is of this device's own fleet, valid now, and in its name. */
export function trustCertified(
  certificate: Uint8Array,
  device: string,
  identity: DeviceIdentity | undefined,
  nowMs: number,
): Uint8Array | undefined {
  if (identity === undefined) return undefined;
  try {
    const { deviceId, publicKey } = verifyDeviceCertificate(certificate, identity.authority, nowMs);
    return deviceId === device ? rawPublicKey(publicKey) : undefined;
  } catch (error) {
    if (error instanceof StarlingError) return undefined;
    throw error;
  }
}
