/** A thread that makes one certificate request, PKCS#10 (RFC 2986) over an Ed25519 key in DER, and ends. */
import 'reflect-metadata';
import { type KeyObject, webcrypto } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { rawPublicKey } from '@starling/proto';

export interface RequestTask {
  readonly key: KeyObject;
  /** The common name. */
  readonly deviceId: string;
}

const ed25519 = { name: 'Ed25519' } as const;

async function makeRequest({ key, deviceId }: RequestTask): Promise<Uint8Array> {
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

parentPort?.postMessage(await makeRequest(workerData));
