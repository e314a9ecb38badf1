/** A thread that makes certificate requests, PKCS#10 (RFC 2986) over Ed25519 keys in DER, until it is ended. */
import 'reflect-metadata';
import { type KeyObject, webcrypto } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { rawPublicKey } from '@starling/proto';

export interface RequestTask {
  /** Tells tasks of one thread apart. */
  readonly number: number;
  readonly key: KeyObject;
  /** The common name. */
  readonly deviceId: string;
}

/** The request, or why there is none. */
export type RequestAnswer = { readonly number: number } & (
  | { readonly request: Uint8Array }
  | { readonly failure: string }
);

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

async function answer(task: RequestTask): Promise<RequestAnswer> {
  const { number } = task;
  try {
    return { number, request: await makeRequest(task) };
  } catch (error) {
    return { number, failure: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', async (task: RequestTask) => parentPort?.postMessage(await answer(task)));
