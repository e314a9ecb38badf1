/** The profile of devices' certificates, as both ends read them: Ed25519, named by `URI:starling:device:ID`. */
import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { StarlingError } from './error.js';

export const DEVICE_URI_PREFIX = 'starling:device:';

const devicePattern = /^[A-Za-z0-9._-]{1,64}$/;
/** A certificate of this profile has some 500 bytes; whatever is much longer is not one. */
export const CERTIFICATE_BYTES_MAX = 4096;

export interface DeviceCertificate {
  readonly deviceId: string;
  /** Ed25519. */
  readonly publicKey: KeyObject;
  /** Milliseconds since the Unix epoch. */
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

/**
 * What a certificate says, without asking who says it; `undefined` where it is no device's. Its id is the whole of the
 * alternative name, so that no other name in the certificate can be taken for it.
 */
export function readDeviceCertificate(certificate: X509Certificate): DeviceCertificate | undefined {
  const name = certificate.subjectAltName ?? '';
  const uri = `URI:${DEVICE_URI_PREFIX}`;
  const deviceId = name.startsWith(uri) ? name.slice(uri.length) : '';
  const { publicKey } = certificate;
  if (certificate.ca || !devicePattern.test(deviceId) || publicKey.asymmetricKeyType !== 'ed25519') {
    return undefined;
  }
  return {
    deviceId,
    publicKey,
    startsAtMs: Date.parse(certificate.validFrom),
    endsAtMs: Date.parse(certificate.validTo),
  };
}

/**
 * Checks that the fleet's authority certified a device: signature, profile and time. For certificates that come inside
 * of messages, such as neighbours' in secure aggregation; connections are TLS's to check.
 *
 * @param der the certificate
 * @param authority PEM
 * @throws StarlingError CERTIFICATE_UNKNOWN, CERTIFICATE_EXPIRED
 */
export function verifyDeviceCertificate(
  der: Uint8Array,
  authority: string,
  nowMs: number,
): DeviceCertificate {
  const certificate = parseCertificate(der);
  const issuer = parsedAuthority(authority);
  const device = certificate && readDeviceCertificate(certificate);
  const certified = certificate?.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  if (device === undefined || !certified) {
    throw new StarlingError({
      code: 'CERTIFICATE_UNKNOWN',
      status: 'unauthenticated',
      message: 'The certificate is not one that the fleet’s authority made for a device.',
      remedy: 'Enrol the device with this fleet.',
    });
  }
  if (nowMs < device.startsAtMs || nowMs > device.endsAtMs) throw certificateExpired(device, nowMs);
  return device;
}

/** The one that was asked for last: a fleet has one, and every roster asks for it again and again. */
let lastAuthority: { readonly pem: string; readonly certificate: X509Certificate } | undefined;

function parsedAuthority(pem: string): X509Certificate {
  if (lastAuthority?.pem !== pem) lastAuthority = { pem, certificate: new X509Certificate(pem) };
  return lastAuthority.certificate;
}

export function certificateExpired({ deviceId, startsAtMs, endsAtMs }: DeviceCertificate, nowMs: number) {
  const early = nowMs < startsAtMs;
  return new StarlingError({
    code: 'CERTIFICATE_EXPIRED',
    status: 'unauthenticated',
    message: `The certificate of device ${deviceId} ${early ? 'is valid only from' : 'ended at'} ${isoTime(early ? startsAtMs : endsAtMs)}.`,
    remedy: early
      ? 'Set the clocks of both ends.'
      : 'Enrol the device again with a token made for it: starling device token create --device ID.',
  });
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** `undefined` where `der` is no certificate. */
export function parseCertificate(der: Uint8Array): X509Certificate | undefined {
  if (der.byteLength > CERTIFICATE_BYTES_MAX) return undefined;
  try {
    const certificate = new X509Certificate(der);
    // OpenSSL reads the key only now, and throws where it is none.
    void certificate.publicKey;
    return certificate;
  } catch {
    return undefined;
  }
}

/** Lower-case hexadecimal. */
export function certificateSha256(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('hex');
}
