/** The fleet's certificate authority: one self-signed certificate that everybody pins, and a key that may be elsewhere. */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Entropy } from '@starling/federation';
import {
  COORDINATOR_NAME,
  certificateSha256,
  DEVICE_URI_PREFIX,
  privateKeyFromSeed,
  privateKeyPem,
  rawPublicKey,
  readPrivateKey,
  type TlsIdentity,
} from '@starling/proto';
import type { DeviceRequest } from './certificate-request.js';
import { ed25519, signingKey, x509 } from './x509.js';

export interface Validity {
  /** Milliseconds since the Unix epoch; certificates count in whole seconds. */
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

export interface Authority {
  /** PEM. */
  readonly certificate: string;
  readonly der: Uint8Array;
  /** Of the certificate's DER, lower-case hexadecimal: what tokens and people compare. */
  readonly sha256: string;
}

/** An authority together with its key. */
export interface SigningAuthority extends Authority {
  /** A device's certificate over the key of its request, DER. */
  certifyDevice(request: DeviceRequest, validity: Validity): Promise<Uint8Array>;
  /** A coordinator's key and certificate chain, for TLS. */
  certifyCoordinator(names: readonly string[], validity: Validity): Promise<TlsIdentity>;
}

/** Makes an authority's key and self-signed certificate. */
export async function createAuthority(
  entropy: Entropy,
  validity: Validity,
): Promise<{ readonly authority: SigningAuthority; readonly privateKey: string }> {
  const key = privateKeyFromSeed(entropy.bytes(32));
  const publicKey = await publicKeyOf(key);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(entropy),
    subject: authoritySubject,
    issuer: authoritySubject,
    ...datesOf(validity),
    signingAlgorithm: ed25519,
    publicKey,
    signingKey: await signingKey(key),
    extensions: [
      // It certifies ends only: no certificate it makes can certify another.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return {
    authority: signingAuthority(certificate.toString('pem'), key, entropy),
    privateKey: privateKeyPem(key),
  };
}

const authoritySubject = 'CN=Starling fleet authority';

/** Reads an authority's certificate, PEM; `undefined` where it is none. */
export function readAuthority(pem: string): Authority | undefined {
  try {
    const parsed = new X509Certificate(pem);
    if (!parsed.ca || !parsed.verify(parsed.publicKey)) return undefined;
    return { certificate: pem, der: new Uint8Array(parsed.raw), sha256: certificateSha256(parsed) };
  } catch {
    return undefined;
  }
}

/** The authority with its key; `undefined` where one of them cannot be read or they do not belong together. */
export function readSigningAuthority(
  pem: string,
  keyPem: string,
  entropy: Entropy,
): SigningAuthority | undefined {
  const key = readPrivateKey(keyPem);
  if (key === undefined || readAuthority(pem) === undefined) return undefined;
  return new X509Certificate(pem).checkPrivateKey(key) ? signingAuthority(pem, key, entropy) : undefined;
}

function signingAuthority(pem: string, key: KeyObject, entropy: Entropy): SigningAuthority {
  const authority = readAuthority(pem);
  if (authority === undefined) throw new Error('the certificate was checked by the caller');

  const certify = async (
    subject: string,
    publicKeyDer: Uint8Array,
    validity: Validity,
    extensions: readonly x509.Extension[],
  ): Promise<x509.X509Certificate> => {
    const publicKey = new x509.PublicKey(Uint8Array.from(publicKeyDer));
    return x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(entropy),
      subject,
      issuer: authoritySubject,
      ...datesOf(validity),
      signingAlgorithm: ed25519,
      publicKey,
      signingKey: await signingKey(key),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        await x509.AuthorityKeyIdentifierExtension.create(await publicKeyOf(key)),
        ...extensions,
      ],
    });
  };

  return {
    ...authority,
    async certifyDevice({ deviceId, publicKeyDer }, validity) {
      const certificate = await certify(`CN=${deviceId}`, publicKeyDer, validity, [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `${DEVICE_URI_PREFIX}${deviceId}` }]),
      ]);
      return new Uint8Array(certificate.rawData);
    },
    async certifyCoordinator(names, validity) {
      const own = privateKeyFromSeed(entropy.bytes(32));
      const { rawData } = await publicKeyOf(own);
      const alternatives = [...new Set([COORDINATOR_NAME, ...names])].map((value) => ({
        type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
        value,
      }));
      const certificate = await certify(`CN=${COORDINATOR_NAME}`, new Uint8Array(rawData), validity, [
        // A coordinator is a client too: of the broker that it is told to use.
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.serverAuth,
          x509.ExtendedKeyUsage.clientAuth,
        ]),
        new x509.SubjectAlternativeNameExtension(alternatives),
      ]);
      // The authority goes along, so that a device with nothing but a token can compare its hash.
      return {
        certificate: `${certificate.toString('pem')}\n${pem.trim()}\n`,
        privateKey: privateKeyPem(own),
      };
    },
  };
}

async function publicKeyOf(key: KeyObject): Promise<x509.PublicKey> {
  const prefix = Buffer.from('302a300506032b6570032100', 'hex');
  return new x509.PublicKey(Uint8Array.from(Buffer.concat([prefix, rawPublicKey(key)])));
}

function datesOf({ startsAtMs, endsAtMs }: Validity): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(startsAtMs), notAfter: new Date(endsAtMs) };
}

/** 128 random bits with the first one 0, as RFC 5280 wants positive numbers, and the second 1, so that none is short. */
function serialNumber(entropy: Entropy): string {
  const bytes = entropy.bytes(16);
  bytes[0] = (bytes[0] & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}
