import type { Clock, TrustCertificate } from '@starling/federation';
import { keySha256, rawPublicKey, StarlingError, verifyDeviceCertificate } from '@starling/proto';
import { parseDeviceId } from '../ids.js';
import type { Standings } from './standings.js';

/** Whose signatures count in secure aggregation: devices that the authority certified, under the key they have now. */
export function trustDevices(authority: string, standings: Standings, clock: Clock): TrustCertificate {
  return (certificate, device) => {
    const deviceId = parseDeviceId(device);
    const standing = deviceId && standings.get(deviceId);
    if (standing?.state !== 'active') return undefined;
    try {
      const certified = verifyDeviceCertificate(certificate, authority, clock.now());
      const isItsOwn = certified.deviceId === device && keySha256(certified.publicKey) === standing.keySha256;
      return isItsOwn ? rawPublicKey(certified.publicKey) : undefined;
    } catch (error) {
      if (error instanceof StarlingError) return undefined;
      throw error;
    }
  };
}
