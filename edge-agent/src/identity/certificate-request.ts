/** Makes certificate requests. The X.509 library is loaded for this alone: it would be a good part of a waiting agent's memory. */
import { type KeyObject, webcrypto } from 'node:crypto';
import { rawPublicKey } from '@starling/proto';

const ed25519 = { name: 'Ed25519' } as const;

/** A PKCS#10 request over the device's key, under its id, DER. */
export async function makeCertificateRequest(key: KeyObject, deviceId: string): Promise<Uint8Array> {
  await import('reflect-metadata');
  const { Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509');
  const { subtle } = webcrypto;
  const pkcs8 = key.export({ format: 'der', type: 'pkcs8' });
  const privateKey = await subtle.importKey('pkcs8', pkcs8, ed25519, false, ['sign']);
  const publicKey = await subtle.importKey('raw', rawPublicKey(key), ed25519, true, ['verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${deviceId}`,
    keys: { privateKey, publicKey },
    signingAlgorithm: ed25519,
  });
  return new Uint8Array(request.rawData);
}
