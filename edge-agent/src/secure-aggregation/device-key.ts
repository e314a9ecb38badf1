import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DeviceIdentity, type Entropy, nodeSuite, type TrustCertificate } from '@starling/federation';
import { isMissing, writeFileDurable } from '../state/atomic-file.js';

/** The device's Ed25519 key, made at its first start: mode 0600. */
export async function deviceIdentity(
  stateFolder: string,
  device: string,
  entropy: Entropy,
): Promise<DeviceIdentity> {
  const path = join(stateFolder, 'identity-key');
  let seed: Uint8Array;
  try {
    seed = Buffer.from((await readFile(path, 'utf8')).trim(), 'hex');
  } catch (error) {
    if (!isMissing(error)) throw error;
    seed = entropy.bytes(32);
    await writeFileDurable(path, `${Buffer.from(seed).toString('hex')}\n`);
  }
  const key = nodeSuite.signingKey(seed);
  return { device, certificate: key.publicKey, sign: (message) => key.sign(message) };
}

/** Until devices have certificates, the one that a device shows is its key. */
export const trustKeys: TrustCertificate = (certificate) =>
  certificate.length === 32 ? certificate : undefined;
