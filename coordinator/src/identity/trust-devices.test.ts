import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createSeededEntropy, createVirtualClock } from '@starling/federation';
import { expect, onTestFinished, test } from 'vitest';
import { type DeviceId, parseDeviceId } from '../ids.js';
import { type IdentityStanding, openSqliteStore } from '../storage/index.js';
import { temporaryFolder } from '../testing/coordinator-fixture.js';
import { certificateRequest, deviceKey } from '../testing/devices.js';
import { createAuthority, type Validity } from './authority.js';
import { readDeviceRequest } from './certificate-request.js';
import { openStandings } from './standings.js';
import { trustDevices } from './trust-devices.js';

const nowMs = Date.UTC(2026, 0, 2);
const dayMs = 86_400_000;
const valid: Validity = { startsAtMs: nowMs - dayMs, endsAtMs: nowMs + dayMs };

function idOf(text: string): DeviceId {
  const id = parseDeviceId(text);
  if (id === undefined) throw new Error(`${text} is no device id`);
  return id;
}

async function authorityNamed(seed: string) {
  const { authority } = await createAuthority(createSeededEntropy(seed), valid);
  const certify = async (device: string, validity = valid, key = deviceKey(device)): Promise<Uint8Array> =>
    authority.certifyDevice(await readDeviceRequest(await certificateRequest(device, key)), validity);
  return { authority, certify };
}

test('the coordinator believes who stands, by the key and in the name that its own authority certified, in time', async () => {
  const { authority, certify } = await authorityNamed('fleet');
  const { keySha256 } = await readDeviceRequest(await certificateRequest('pump'));
  const folder = await temporaryFolder();
  const store = await openSqliteStore(join(folder, 'coordinator.db'));
  onTestFinished(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const standings = await openStandings(store.identities);
  const pump: IdentityStanding = { deviceId: idOf('pump'), state: 'active', keySha256 };
  standings.set(pump);
  standings.set({ ...pump, deviceId: idOf('fan') });
  const trust = trustDevices(authority.certificate, standings, createVirtualClock(nowMs));
  const certificate = await certify('pump');
  expect(trust(certificate, 'pump')).toHaveLength(32);

  expect(trust(certificate, 'fan')).toBeUndefined();
  expect(trust(await certify('stranger'), 'stranger')).toBeUndefined();
  // The name stands, but with another key: it enrolled anew.
  expect(trust(await certify('fan'), 'fan')).toBeUndefined();
  expect(trust(await certify('pump', valid, deviceKey('stolen')), 'pump')).toBeUndefined();
  const ended = { startsAtMs: nowMs - dayMs, endsAtMs: nowMs - 1000 };
  expect(trust(await certify('pump', ended), 'pump')).toBeUndefined();
  const other = await authorityNamed('another fleet');
  expect(trust(await other.certify('pump'), 'pump')).toBeUndefined();
  expect(trust(authority.der, 'pump')).toBeUndefined();
  expect(trust(new Uint8Array(3), 'pump')).toBeUndefined();

  standings.set({ ...pump, state: 'revoked' });
  expect(trust(certificate, 'pump')).toBeUndefined();
});
