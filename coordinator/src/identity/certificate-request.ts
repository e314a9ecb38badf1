/** What a device asks to have certified: its own key, under its own name. */
import { createPublicKey } from 'node:crypto';
import { keySha256 } from '@starling/proto';
import { CoordinatorError, refusal } from '../errors.js';
import { type DeviceId, parseDeviceId } from '../ids.js';
import { x509 } from './x509.js';

export interface DeviceRequest {
  readonly deviceId: DeviceId;
  /** Of the public key, lower-case hexadecimal. */
  readonly keySha256: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKeyDer: Uint8Array;
  /** PKCS#10, DER. */
  readonly der: Uint8Array;
}

/** A request of this profile has some 250 bytes. */
const requestBytesMax = 4096;

/**
 * Reads a PKCS#10 request: an Ed25519 key whose owner signed the request, and `CN=` device id. Everything else that a
 * request may ask for (names, uses, authority) is ignored: the authority decides what a certificate says.
 *
 * @throws CoordinatorError CERTIFICATE_REQUEST_INVALID
 */
export async function readDeviceRequest(der: Uint8Array): Promise<DeviceRequest> {
  if (der.byteLength > requestBytesMax) {
    throw invalid(`It has ${der.byteLength} bytes; ${requestBytesMax} are enough.`);
  }
  let request: x509.Pkcs10CertificateRequest;
  let proven: boolean;
  try {
    request = new x509.Pkcs10CertificateRequest(Uint8Array.from(der));
    proven = await request.verify();
  } catch (error) {
    throw invalid('It is not PKCS#10, DER.', error);
  }
  if (!proven) throw invalid('Its signature is not by the key that it names.');
  const publicKeyDer = new Uint8Array(request.publicKey.rawData);
  const publicKey = createPublicKey({ key: Buffer.from(publicKeyDer), format: 'der', type: 'spki' });
  if (publicKey.asymmetricKeyType !== 'ed25519') {
    throw invalid(`Its key is ${publicKey.asymmetricKeyType ?? 'unknown'}, not Ed25519.`);
  }
  const names = request.subjectName.getField('CN');
  const deviceId = names.length === 1 ? parseDeviceId(names[0]) : undefined;
  if (deviceId === undefined) throw invalid('Its subject is not one common name that is a device id.');
  return { deviceId, keySha256: keySha256(publicKey), publicKeyDer, der };
}

function invalid(what: string, cause?: unknown): CoordinatorError {
  const described = refusal(
    'invalid-argument',
    'CERTIFICATE_REQUEST_INVALID',
    `The certificate request cannot be used. ${what}`,
    'Let starling-agent make it, or see docs/protocol.md for its profile.',
  );
  return new CoordinatorError(described, cause);
}
