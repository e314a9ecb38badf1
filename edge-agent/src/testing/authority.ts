/** A fleet's authority for tests of the agent, whose package makes requests and no certificates. */
import 'reflect-metadata';
import { createPublicKey, type KeyObject, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import {
  COORDINATOR_NAME,
  DEVICE_URI_PREFIX,
  privateKeyFromSeed,
  privateKeyPem,
  type TlsIdentity,
} from '@starling/proto';
import { systemClock } from '../adapters/system-clock.js';

const algorithm = { name: 'Ed25519' } as const;
const { subtle } = webcrypto;

export interface Validity {
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

export interface TestAuthority {
  /** PEM. */
  readonly certificate: string;
  readonly der: Uint8Array;
  certifyDevice(deviceId: string, key: KeyObject, validity?: Validity): Promise<Uint8Array>;
  /** Certifies what a PKCS#10 request asks for. */
  certifyRequest(request: Uint8Array, validity?: Validity): Promise<Uint8Array>;
  certifyCoordinator(validity?: Validity): Promise<TlsIdentity>;
}

const dayMs = 86_400_000;

/** Valid from an hour ago for a month. */
export function validNow(): Validity {
  const nowMs = systemClock().now();
  return { startsAtMs: nowMs - dayMs / 24, endsAtMs: nowMs + 30 * dayMs };
}

const made = new Map<string, Promise<TestAuthority>>();

/** The authority of that name, the same one at each call. */
export function testAuthority(name = 'fleet'): Promise<TestAuthority> {
  const known = made.get(name);
  if (known !== undefined) return known;
  const making = createTestAuthority(name);
  made.set(name, making);
  return making;
}

async function createTestAuthority(name: string): Promise<TestAuthority> {
  const key = keyNamed(`authority ${name}`);
  const signingKey = await signing(key);
  const subject = `CN=${name}`;
  const make = (
    named: string,
    publicKey: x509.PublicKey,
    { startsAtMs, endsAtMs }: Validity,
    extensions: x509.Extension[],
  ): Promise<x509.X509Certificate> =>
    x509.X509CertificateGenerator.create({
      subject: named,
      issuer: subject,
      notBefore: new Date(startsAtMs),
      notAfter: new Date(endsAtMs),
      signingAlgorithm: algorithm,
      publicKey,
      signingKey,
      extensions,
    });
  const root = await make(subject, publicKeyOf(key), validNow(), [
    new x509.BasicConstraintsExtension(true, 0, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
  ]);
  const certifyDevice = async (deviceId: string, publicKey: x509.PublicKey, validity: Validity) => {
    const certificate = await make(`CN=${deviceId}`, publicKey, validity, [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `${DEVICE_URI_PREFIX}${deviceId}` }]),
    ]);
    return new Uint8Array(certificate.rawData);
  };
  return {
    certificate: root.toString('pem'),
    der: new Uint8Array(root.rawData),
    certifyDevice: (deviceId, own, validity = validNow()) =>
      certifyDevice(deviceId, publicKeyOf(own), validity),
    async certifyRequest(request, validity = validNow()) {
      const parsed = new x509.Pkcs10CertificateRequest(Uint8Array.from(request));
      const [deviceId] = parsed.subjectName.getField('CN');
      return certifyDevice(deviceId, parsed.publicKey, validity);
    },
    async certifyCoordinator(validity = validNow()) {
      const own = keyNamed('coordinator');
      const certificate = await make(`CN=${COORDINATOR_NAME}`, publicKeyOf(own), validity, [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: COORDINATOR_NAME }]),
      ]);
      const chain = `${certificate.toString('pem')}\n${root.toString('pem')}\n`;
      return { certificate: chain, privateKey: privateKeyPem(own) };
    },
  };
}

/** An Ed25519 key that its name decides. */
export function keyNamed(name: string): KeyObject {
  const seed = Buffer.alloc(32);
  Buffer.from(name).copy(seed, 0, 0, 32);
  return privateKeyFromSeed(seed);
}

function publicKeyOf(key: KeyObject): x509.PublicKey {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return new x509.PublicKey(Uint8Array.from(der));
}

function signing(key: KeyObject): Promise<webcrypto.CryptoKey> {
  return subtle.importKey('pkcs8', key.export({ format: 'der', type: 'pkcs8' }), algorithm, false, ['sign']);
}
