/** The device's key and certificate, in `identity` of its state directory, readable by nobody else. */
import { type KeyObject, sign, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Entropy } from '@starling/federation';
import {
  type ClientSecurity,
  type Connection,
  keySha256,
  privateKeyFromSeed,
  privateKeyPem,
  readDeviceCertificate,
  readPrivateKey,
} from '@starling/proto';
import { AgentError } from '../errors.js';
import { isMissing, writeFileDurable } from '../state/atomic-file.js';
import { makeFolder } from '../state/make-folder.js';

export interface DeviceIdentity {
  readonly deviceId: string;
  readonly key: KeyObject;
  /** The device's certificate, DER: what other devices check. */
  readonly certificate: Uint8Array;
  /** The fleet's authority, PEM: whom this device believes. */
  readonly authority: string;
  /** Milliseconds since the Unix epoch. */
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

const keyFile = 'device.key';
const certificateFile = 'device.pem';
const authorityFile = 'authority.pem';

function pathOf(stateFolder: string, name: string): string {
  return join(stateFolder, 'identity', name);
}

/** Opens a connection to the coordinator at an address; in simulations, over a simulated network. */
export type Connect = (address: string, options: { readonly security: ClientSecurity }) => Connection;

/** For TLS. */
export function securityOf({ authority, certificate, key }: DeviceIdentity): ClientSecurity {
  return {
    kind: 'tls',
    authority,
    identity: { certificate: pemOf(certificate), privateKey: privateKeyPem(key) },
  };
}

/** Ed25519 over `message`, 64 bytes: what the device's certificate lets others check. */
export function signAsDevice({ key }: DeviceIdentity, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, key));
}

/** The identity that a state directory keeps; `undefined` before the device enrolled. */
export async function readIdentity(stateFolder: string): Promise<DeviceIdentity | undefined> {
  const certificate = await readIfThere(pathOf(stateFolder, certificateFile));
  const authority = await readIfThere(pathOf(stateFolder, authorityFile));
  const key = await readKey(stateFolder);
  if (certificate === undefined || authority === undefined || key === undefined) return undefined;
  const parsed = new X509Certificate(certificate);
  const device = readDeviceCertificate(parsed);
  if (device === undefined || keySha256(device.publicKey) !== keySha256(key)) {
    throw new AgentError(
      'agent/state-folder',
      `${pathOf(stateFolder, certificateFile)} is not the certificate of the key beside it; remove the folder and enrol again.`,
    );
  }
  const { deviceId, startsAtMs, endsAtMs } = device;
  return { deviceId, key, certificate: new Uint8Array(parsed.raw), authority, startsAtMs, endsAtMs };
}

/** The device's key; made, and durable before anybody hears of it, where there is none. */
export async function openKey(stateFolder: string, entropy: Entropy): Promise<KeyObject> {
  const kept = await readKey(stateFolder);
  if (kept !== undefined) return kept;
  const key = privateKeyFromSeed(entropy.bytes(32));
  await makeFolder(join(stateFolder, 'identity'), 0o700);
  await writeFileDurable(pathOf(stateFolder, keyFile), privateKeyPem(key));
  return key;
}

/** Keeps a certificate, and the authority that made it. */
export async function keepCertificate(
  stateFolder: string,
  certificate: Uint8Array,
  authority: string,
): Promise<void> {
  await writeFileDurable(pathOf(stateFolder, authorityFile), authority);
  await writeFileDurable(pathOf(stateFolder, certificateFile), pemOf(certificate));
}

async function readKey(stateFolder: string): Promise<KeyObject | undefined> {
  const path = pathOf(stateFolder, keyFile);
  const pem = await readIfThere(path);
  if (pem === undefined) return undefined;
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new AgentError(
      'agent/key-exposed',
      `${path} can be read by others than its owner; run chmod 600 on it, or enrol again if somebody may have read it.`,
    );
  }
  const key = readPrivateKey(pem);
  if (key !== undefined) return key;
  throw new AgentError('agent/state-folder', `${path} holds no Ed25519 key; remove it and enrol again.`);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function pemOf(der: Uint8Array): string {
  return new X509Certificate(der).toString();
}
