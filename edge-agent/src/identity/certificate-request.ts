/**
 * Makes certificate requests: PKCS#10 (RFC 2986) over an Ed25519 key (RFC 8410), in DER. It is one fixed form of a few
 * fields; an X.509 library for it would stay in the memory of the process that enrolled (docs/decisions/022-memory-of-a-waiting-agent.md).
 */
import { createPublicKey, type KeyObject, sign } from 'node:crypto';

/** Tags of ASN.1 (X.690, section 8), constructed where they hold others. */
const tags = {
  integer: 0x02,
  bitString: 0x03,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  attributes: 0xa0,
} as const;
/** Object identifiers as they are encoded: 2.5.4.3 and 1.3.101.112. */
const commonName = Uint8Array.of(0x06, 3, 0x55, 0x04, 0x03);
const ed25519 = Uint8Array.of(0x06, 3, 0x2b, 0x65, 0x70);

/** A request over the device's key, under its id as the common name. */
export function makeCertificateRequest(key: KeyObject, deviceId: string): Uint8Array {
  const name = der(tags.sequence, commonName, der(tags.utf8, Buffer.from(deviceId, 'utf8')));
  const information = der(
    tags.sequence,
    der(tags.integer, Uint8Array.of(0)),
    der(tags.sequence, der(tags.set, name)),
    createPublicKey(key).export({ format: 'der', type: 'spki' }),
    der(tags.attributes),
  );
  const signature = sign(null, information, key);
  return der(
    tags.sequence,
    information,
    der(tags.sequence, ed25519),
    // No bit of the last byte is unused.
    der(tags.bitString, Uint8Array.of(0), signature),
  );
}

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const length = content.byteLength;
  if (length >= 0x10000) throw new RangeError(`a part of ${length} bytes is no part of a request`);
  const head =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return new Uint8Array(Buffer.concat([Uint8Array.of(tag, ...head), content]));
}
