import 'reflect-metadata';
import { generateKeyPairSync } from 'node:crypto';
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

test('many who ask at once each get their own, from one thread', async () => {
  const key = keyNamed('request');
  const names = Array.from({ length: 200 }, (_, index) => `device-${index}`);
  let threads = 0;
  const count = (): void => {
    threads += 1;
  };
  process.on('worker', count);
  const requests = await Promise.all(names.map((name) => makeCertificateRequest(key, name)));
  process.off('worker', count);
  expect(threads).toBe(1);
  const subjects = requests.map((bytes) => new Pkcs10CertificateRequest(Uint8Array.from(bytes)).subject);
  expect(subjects).toEqual(names.map((name) => `CN=${name}`));
});

test('who cannot get one hears why, and takes nobody along', async () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const [refused, made] = await Promise.allSettled([
    makeCertificateRequest(publicKey, 'device-1'),
    makeCertificateRequest(keyNamed('request'), 'device-2'),
  ]);
  expect(refused).toMatchObject({ status: 'rejected', reason: { message: /^no certificate request/ } });
  expect(made.status).toBe('fulfilled');
});
