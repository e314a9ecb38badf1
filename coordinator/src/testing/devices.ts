/** Certified devices for tests: enrolled over the wire, with keys of their own. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { createSeededEntropy } from '@starling/federation';
import {
  type ClientSecurity,
  connect,
  createClient,
  EnrolmentService,
  privateKeyFromSeed,
  privateKeyPem,
  rawPublicKey,
} from '@starling/proto';
import { certificatePem } from './pem.js';

/** The key of a device of this name: the same for every test. */
export function deviceKey(deviceId: string) {
  return privateKeyFromSeed(createSeededEntropy(`device ${deviceId}`).bytes(32));
}

/** PKCS#10, DER. `name` is what the request says the device is called. */
export async function certificateRequest(deviceId: string, key = deviceKey(deviceId)): Promise<Uint8Array> {
  const { subtle } = webcrypto;
  const algorithm = { name: 'Ed25519' } as const;
  const pkcs8 = key.export({ format: 'der', type: 'pkcs8' });
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${deviceId}`,
    keys: {
      privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
      publicKey: await subtle.importKey('raw', rawPublicKey(key), algorithm, true, ['verify']),
    },
    signingAlgorithm: algorithm,
  });
  return new Uint8Array(request.rawData);
}

/** Enrols a device with a token; gives what its connections show. */
export async function enrolDevice(
  address: string,
  authority: string,
  token: string,
  deviceId: string,
): Promise<ClientSecurity> {
  const key = deviceKey(deviceId);
  const connection = connect(address, { security: { kind: 'tls', authority } });
  try {
    const { outcome } = await createClient(EnrolmentService, connection).enrol({
      token,
      certificateRequest: await certificateRequest(deviceId, key),
    });
    if (outcome?.kind !== 'certificate') throw new Error(`device ${deviceId} was not certified`);
    const certificate = certificatePem(outcome.value.certificate);
    return { kind: 'tls', authority, identity: { certificate, privateKey: privateKeyPem(key) } };
  } finally {
    connection.close();
  }
}
