/** What a token is good for, over real TLS connections. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSeededEntropy } from '@starling/federation';
import {
  CheckInService,
  type Connection,
  connect,
  createClient,
  EnrolmentService,
  privateKeyFromSeed,
} from '@starling/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, startFixture } from '../testing/coordinator-fixture.js';
import { certificateRequest, deviceKey, enrolDevice } from '../testing/devices.js';
import { codeOf } from '../testing/refusals.js';
import { checkInOf } from '../testing/scripted-device.js';
import { newTokenId } from './tokens.js';

let fixture: Fixture;
let connection: Connection;

beforeAll(async () => {
  fixture = await startFixture();
  const { authority } = fixture.coordinator;
  connection = connect(fixture.address, { security: { kind: 'tls', authority } });
});

afterAll(async () => {
  connection.close();
  await fixture.close();
});

function enrol(token: string, request: Uint8Array) {
  return createClient(EnrolmentService, connection).enrol({ token, certificateRequest: request });
}

test('a token is for so many devices, until its end, for its device, and whole', async () => {
  const once = await fixture.token();
  expect(await codeOf(enrol(once, await certificateRequest('first')))).toBe('ANSWERED');
  // A lost answer is asked for again by the same key; that is no second use.
  expect(await codeOf(enrol(once, await certificateRequest('first')))).toBe('ANSWERED');
  expect(await codeOf(enrol(once, await certificateRequest('second')))).toBe('TOKEN_USED');
  const short = await fixture.token({ lifetimeMs: 1 });
  expect(await codeOf(enrol(short, await certificateRequest('third')))).toBe('TOKEN_EXPIRED');
  const bound = await fixture.token({ deviceId: 'named' });
  expect(await codeOf(enrol(bound, await certificateRequest('other')))).toBe('TOKEN_DEVICE_MISMATCH');
  const [version, id, secret, authority] = once.split('.');
  const guess = [version, id, `${secret.startsWith('A') ? 'B' : 'A'}${secret.slice(1)}`, authority].join('.');
  expect(await codeOf(enrol(guess, await certificateRequest('third')))).toBe('TOKEN_UNKNOWN');
  expect(await codeOf(enrol('starling1.x', await certificateRequest('third')))).toBe('TOKEN_MALFORMED');
  const revoked = await fixture.token();
  await fixture.fleet.revokeToken({ tokenId: revoked.split('.')[1] });
  expect(await codeOf(enrol(revoked, await certificateRequest('third')))).toBe('TOKEN_UNKNOWN');
  const { tokens } = await fixture.fleet.listTokens({});
  expect(JSON.stringify(tokens)).not.toContain(secret);
  const files = (await readdir(fixture.folder)).filter((name) => name.startsWith('coordinator.db'));
  const stored = await Promise.all(files.map((name) => readFile(join(fixture.folder, name))));
  expect(stored.some((bytes) => bytes.includes(id))).toBe(true);
  for (const form of [secret, Buffer.from(secret, 'base64url')]) {
    expect(stored.some((bytes) => bytes.includes(form))).toBe(false);
  }
});

test('two devices that race for the last use of a token: one gets it', async () => {
  const text = await fixture.token();
  const racers = await Promise.all(['racer-1', 'racer-2', 'racer-3'].map((id) => certificateRequest(id)));
  const codes = await Promise.all(racers.map((request) => codeOf(enrol(text, request))));
  expect(codes.sort()).toEqual(['ANSWERED', 'TOKEN_USED', 'TOKEN_USED']);
});

test('a token for new devices does not take over one that is there, and one for it replaces its key', async () => {
  const { authority } = fixture.coordinator;
  const security = await enrolDevice(fixture.address, authority, await fixture.token(), 'owned');
  const before = connect(fixture.address, { security });
  const checkIn = () => createClient(CheckInService, before).checkIn(checkInOf('owned', { holdMsMax: 0 }));
  const other = await certificateRequest('owned', deviceKey('the thief’s key'));
  expect(await codeOf(enrol(await fixture.token(), other))).toBe('DEVICE_ALREADY_ENROLLED');
  expect(await codeOf(checkIn())).toBe('ANSWERED');
  expect(await codeOf(enrol(await fixture.token({ deviceId: 'owned' }), other))).toBe('ANSWERED');
  await expect.poll(() => codeOf(checkIn())).toMatch(/CERTIFICATE_REVOKED|UNAVAILABLE/);
  before.close();
});

test('a request that is not what it should be is refused', async () => {
  const text = await fixture.token({ usesMax: 9 });
  const good = await certificateRequest('sound');
  const forged = good.slice();
  forged[forged.length - 1] ^= 1;
  const key = privateKeyFromSeed(createSeededEntropy('k').bytes(32));
  for (const request of [
    new Uint8Array(0),
    new Uint8Array(5000),
    Uint8Array.of(0x30, 0x82, 0xff, 0xff),
    forged,
    await certificateRequest('a/b', key),
    await certificateRequest('..', key),
  ]) {
    expect(await codeOf(enrol(text, request))).toBe('CERTIFICATE_REQUEST_INVALID');
  }
});

test('no id of a token begins with a hyphen, so that each can be an argument', () => {
  const entropy = createSeededEntropy('ids');
  const ids = Array.from({ length: 400 }, () => newTokenId(entropy));
  expect(ids.filter((id) => !/^[A-Za-z0-9_][A-Za-z0-9_-]{11}$/.test(id))).toEqual([]);
});
