import { createPublicKey } from 'node:crypto';
import { rawPublicKey } from '@starling/proto';
import { beforeAll, expect, test } from 'vitest';
import type { DeviceIdentity } from '../identity/index.js';
import { keyNamed, testAuthority, validNow } from '../testing/authority.js';
import { trustCertified } from './certified.js';

const { startsAtMs, endsAtMs } = validNow();
const nowMs = (startsAtMs + endsAtMs) / 2;
const neighbourKey = keyNamed('neighbour');
let own: DeviceIdentity;
beforeAll(async () => {
  const authority = await testAuthority();
  const key = keyNamed('own');
  const certificate = await authority.certifyDevice('own', key);
  own = { deviceId: 'own', key, certificate, authority: authority.certificate, startsAtMs, endsAtMs };
});

const trusted = (certificate: Uint8Array, device = 'neighbour', identity: DeviceIdentity | undefined = own) =>
  trustCertified(certificate, device, identity, nowMs);

test('a neighbour is believed by the key that this fleet’s authority certified for it', async () => {
  const certificate = await (await testAuthority()).certifyDevice('neighbour', neighbourKey);
  expect(trusted(certificate)).toEqual(rawPublicKey(createPublicKey(neighbourKey)));
});

test('nobody is believed by another authority’s word, beyond its time, in another’s name, or by what is no certificate', async () => {
  const authority = await testAuthority();
  const certificate = await authority.certifyDevice('neighbour', neighbourKey);
  expect(
    await testAuthority('another')
      .then((other) => other.certifyDevice('neighbour', neighbourKey))
      .then(trusted),
  ).toBe(undefined);
  const past = { startsAtMs: nowMs - 2000, endsAtMs: nowMs - 1000 };
  expect(trusted(await authority.certifyDevice('neighbour', neighbourKey, past))).toBeUndefined();
  const future = { startsAtMs: nowMs + 1000, endsAtMs: nowMs + 2000 };
  expect(trusted(await authority.certifyDevice('neighbour', neighbourKey, future))).toBeUndefined();
  expect(trusted(certificate, 'somebody-else')).toBeUndefined();
  // The authority itself, and one that a device signed, are no devices.
  expect(trusted(authority.der)).toBeUndefined();
  expect(trusted(certificate.subarray(0, -1))).toBeUndefined();
  const altered = Uint8Array.from(certificate);
  altered[altered.length - 1] ^= 1;
  expect(trusted(altered)).toBeUndefined();
  expect(trusted(new Uint8Array(0))).toBeUndefined();
  expect(trustCertified(certificate, 'neighbour', undefined, nowMs)).toBeUndefined();
});
