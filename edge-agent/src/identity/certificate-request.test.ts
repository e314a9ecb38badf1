import 'reflect-metadata';
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import { rawPublicKey } from '@starling/proto';
import { expect, test } from 'vitest';
import { keyNamed } from '../testing/authority.js';
import { makeCertificateRequest } from './certificate-request.js';

test.each(['a', 'device-1', 'd'.repeat(64), 'x'.repeat(300)])(
  'a library reads the request of %s as it was meant, and its signature holds',
  async (deviceId) => {
    const key = keyNamed('request');
    const bytes = await makeCertificateRequest(key, deviceId);
    const request = new Pkcs10CertificateRequest(Uint8Array.from(bytes));
    expect(request.subject).toBe(`CN=${deviceId}`);
    expect(new Uint8Array(request.publicKey.rawData).subarray(-32)).toEqual(rawPublicKey(key));
    expect(await request.verify()).toBe(true);
    // One bit of what was signed is enough to break it.
    const changed = Uint8Array.from(bytes);
    changed[bytes.indexOf(deviceId.charCodeAt(0), 20)] ^= 1;
    expect(await new Pkcs10CertificateRequest(changed).verify()).toBe(false);
  },
);
