/** Who may do what, over real TLS connections to a real coordinator. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { createSeededEntropy } from '@starling/federation';
import {
  CheckInService,
  type ClientSecurity,
  COORDINATOR_NAME,
  type Connection,
  connect,
  createClient,
  createServer,
  EnrolmentService,
  FleetService,
  fetchAuthority,
  listenSecurely,
  OperationsService,
  privateKeyPem,
  RoundService,
} from '@starling/proto';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createSystemClock } from '../adapters/index.js';
import { type Fixture, startFixture, taskJson } from '../testing/coordinator-fixture.js';
import { certificateRequest, deviceKey, enrolDevice } from '../testing/devices.js';
import { certificatePem } from '../testing/pem.js';
import { codeOf } from '../testing/refusals.js';
import { checkInOf } from '../testing/scripted-device.js';
import {
  createAuthority,
  dayMs,
  openAuthorityFolder,
  readDeviceRequest,
  type SigningAuthority,
  type Validity,
  validFrom,
  writeCoordinatorFolder,
} from './index.js';

const entropy = createSeededEntropy('identity tests');
const nowMs = createSystemClock().now();
let fixture: Fixture;
let authority: SigningAuthority;
const connections: Connection[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  await fixture.applyTask(taskJson());
  const opened = await openAuthorityFolder(join(fixture.folder, 'authority'), entropy);
  if (opened?.kind !== 'signing') throw new Error('the coordinator made an authority');
  authority = opened.authority;
});

afterAll(() => fixture.close());

afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
});

function open(security: ClientSecurity, token?: string): Connection {
  const connection = connect(fixture.address, { security, token });
  connections.push(connection);
  return connection;
}

function anonymous(): Connection {
  return open({ kind: 'tls', authority: authority.certificate });
}

function checkIn(connection: Connection, deviceId: string, holdMsMax = 0) {
  return createClient(CheckInService, connection).checkIn(checkInOf(deviceId, { holdMsMax }));
}

/** What a connection shows that has the key of `deviceId` and a certificate by `by`. */
async function certified(
  deviceId: string,
  validity: Validity,
  by: SigningAuthority = authority,
): Promise<ClientSecurity> {
  const request = await readDeviceRequest(await certificateRequest(deviceId));
  const certificate = certificatePem(await by.certifyDevice(request, validity));
  const identity = { certificate, privateKey: privateKeyPem(deviceKey(deviceId)) };
  return { kind: 'tls', authority: authority.certificate, identity };
}

test('a device without a certificate may enrol and nothing else', async () => {
  const connection = anonymous();
  expect(await codeOf(checkIn(connection, 'nobody'))).toBe('CERTIFICATE_REQUIRED');
  const round = { runId: 'r', round: 1, attempt: 1 };
  const rounds = createClient(RoundService, connection);
  expect(await codeOf(rounds.getRoundState({ round, deviceId: 'nobody' }))).toBe('CERTIFICATE_REQUIRED');
  const renewal = createClient(EnrolmentService, connection).renewCertificate({
    certificateRequest: await certificateRequest('nobody'),
  });
  expect(await codeOf(renewal)).toBe('CERTIFICATE_REQUIRED');
  expect(await codeOf(createClient(OperationsService, connection).getStatus({}))).toBe('UNAUTHENTICATED');
  const security = await enrolDevice(
    fixture.address,
    authority.certificate,
    await fixture.token(),
    'somebody',
  );
  expect(await codeOf(checkIn(open(security), 'somebody'))).toBe('ANSWERED');
});

test('a certificate by another authority, or of a device that never enrolled, is unknown', async () => {
  const other = await createAuthority(createSeededEntropy('another fleet'), validFrom(nowMs, dayMs));
  const foreign = await certified('stranger', validFrom(nowMs, dayMs), other.authority);
  expect(await codeOf(checkIn(open(foreign), 'stranger'))).toBe('CERTIFICATE_UNKNOWN');
  const unregistered = await certified('unregistered', validFrom(nowMs, dayMs));
  expect(await codeOf(checkIn(open(unregistered), 'unregistered'))).toBe('CERTIFICATE_UNKNOWN');
});

test('a certificate that ended, or has yet to begin, is refused', async () => {
  await fixture.deviceConnection('late');
  const late = await certified('late', { startsAtMs: nowMs - 2 * dayMs, endsAtMs: nowMs - 1000 });
  expect(await codeOf(checkIn(open(late), 'late'))).toBe('CERTIFICATE_EXPIRED');
  const early = await certified('late', { startsAtMs: nowMs + dayMs, endsAtMs: nowMs + 2 * dayMs });
  expect(await codeOf(checkIn(open(early), 'late'))).toBe('CERTIFICATE_EXPIRED');
});

test('a connection does not outlive the certificate that it began with', async () => {
  await fixture.deviceConnection('brief');
  const endsAtMs = Math.floor(createSystemClock().now() / 1000 + 2) * 1000;
  const connection = open(await certified('brief', { startsAtMs: nowMs - dayMs, endsAtMs }));
  expect(await codeOf(checkIn(connection, 'brief'))).toBe('ANSWERED');
  await expect
    .poll(() => codeOf(checkIn(connection, 'brief')), { timeout: 10_000 })
    .toBe('CERTIFICATE_EXPIRED');
});

test('a device speaks for itself only', async () => {
  await fixture.deviceConnection('victim');
  const thief = await fixture.deviceConnection('thief');
  expect(await codeOf(checkIn(thief, 'victim'))).toBe('DEVICE_IDENTITY_MISMATCH');
  const rounds = createClient(RoundService, thief);
  const round = { runId: 'r', round: 1, attempt: 1 };
  const metrics = { weight: 1, sums: [] };
  for (const call of [
    rounds.getRoundState({ round, deviceId: 'victim' }),
    rounds.getUpload({ round, deviceId: 'victim', sha256: new Uint8Array(32) }),
    rounds.reportEvaluation({ round, deviceId: 'victim', metrics }),
    rounds.reportFailure({ round, deviceId: 'victim', reason: 'training', message: '' }),
  ]) {
    expect(await codeOf(call)).toBe('DEVICE_IDENTITY_MISMATCH');
  }
  const renewal = createClient(EnrolmentService, thief).renewCertificate({
    certificateRequest: await certificateRequest('victim', deviceKey('thief')),
  });
  expect(await codeOf(renewal)).toBe('DEVICE_IDENTITY_MISMATCH');
  expect(await codeOf(createClient(FleetService, thief).listDevices({ group: '' }))).toBe('UNAUTHENTICATED');
});

test('a device’s certificate does not pass for a coordinator’s', async () => {
  const { kind, identity } = await certified('impostor', validFrom(nowMs, dayMs)).then((security) =>
    security.kind === 'tls' ? security : Promise.reject(new Error('TLS')),
  );
  expect(kind).toBe('tls');
  const server = createServer();
  const listener = await listenSecurely(server, {
    host: '127.0.0.1',
    port: 0,
    authority: authority.certificate,
    identity: identity ?? { certificate: '', privateKey: '' },
  });
  const connection = connect(`127.0.0.1:${listener.port}`, {
    security: { kind: 'tls', authority: authority.certificate },
  });
  connections.push(connection);
  expect(await codeOf(createClient(OperationsService, connection).getStatus({}))).toBe('PEER_NOT_TRUSTED');
  listener.close();
  server.forceShutdown();
});

test('nothing older than TLS 1.3 is spoken', async () => {
  const { host, port } = fixture.coordinator.address;
  const hello = (maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
    new Promise<string>((resolve) => {
      const options = { ALPNProtocols: ['h2'], ca: authority.certificate, servername: COORDINATOR_NAME };
      const socket = connectTls({ host, port, maxVersion, ...options });
      socket.on('secureConnect', () => resolve(socket.getProtocol() ?? ''));
      socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? ''));
      socket.on('close', () => resolve('closed'));
      onTestFinished(() => {
        socket.destroy();
      });
    });
  expect(await hello('TLSv1.3')).toBe('TLSv1.3');
  expect(await hello('TLSv1.2')).toMatch(/ALERT_PROTOCOL_VERSION|closed|ECONNRESET/);
});

test('revocation ends what is open within five seconds, and nothing begins any more', async () => {
  const text = await fixture.token();
  const security = await enrolDevice(fixture.address, authority.certificate, text, 'stolen');
  const connection = open(security);
  const held = codeOf(checkIn(connection, 'stolen', 30_000));
  await expect
    .poll(async () => (await fixture.operations.getStatus({})).checkInsHeld, { timeout: 5_000 })
    .toBeGreaterThan(0);
  const startedAt = createSystemClock().monotonic();
  const { device } = await fixture.fleet.revokeDevice({ deviceId: 'stolen', reason: 'lost' });
  expect(device).toMatchObject({ state: 'revoked', revocationReason: 'lost' });
  expect(await held).toBe('CERTIFICATE_REVOKED');
  await expect
    .poll(async () => (await fixture.fleet.getDevice({ deviceId: 'stolen' })).device?.connections)
    .toBe(0);
  expect(createSystemClock().monotonic() - startedAt).toBeLessThan(5_000);
  expect(await codeOf(checkIn(open(security), 'stolen'))).toBe('CERTIFICATE_REVOKED');
  const renewal = createClient(EnrolmentService, open(security)).renewCertificate({
    certificateRequest: await certificateRequest('stolen'),
  });
  expect(await codeOf(renewal)).toBe('CERTIFICATE_REVOKED');

  const enrol = (token: string, certificateRequest: Uint8Array) =>
    createClient(EnrolmentService, anonymous()).enrol({ token, certificateRequest });
  // The same key never comes back, with whatever token; the device does, with another.
  const again = await fixture.token({ deviceId: 'stolen' });
  expect(await codeOf(enrol(again, await certificateRequest('stolen')))).toBe('KEY_REVOKED');
  expect(await codeOf(enrol(again, await certificateRequest('stolen', deviceKey('a new key'))))).toBe(
    'ANSWERED',
  );
  expect(await codeOf(checkIn(open(security), 'stolen'))).toBe('CERTIFICATE_REVOKED');
});

test('revocation is remembered by a coordinator that starts anew', async () => {
  const security = await enrolDevice(fixture.address, authority.certificate, await fixture.token(), 'gone');
  await fixture.fleet.revokeDevice({ deviceId: 'gone', reason: '' });
  const { folder } = fixture;
  await fixture.coordinator.close();
  const again = await startFixture({ folder });
  const connection = connect(again.address, { security });
  expect(await codeOf(checkIn(connection, 'gone'))).toBe('CERTIFICATE_REVOKED');
  connection.close();
  await again.close();
  fixture = await startFixture({ folder });
});

test('operators show the token of the coordinator’s folder, which only its owner can read', async () => {
  const path = join(fixture.folder, 'admin.token');
  const carried = join(fixture.folder, 'carried');
  await writeCoordinatorFolder(authority, carried, [], nowMs);
  for (const file of [
    path,
    join(fixture.folder, 'authority', 'authority.key'),
    join(fixture.folder, 'releases.key'),
    join(carried, 'coordinator.key'),
  ]) {
    expect((await stat(file)).mode & 0o777, file).toBe(0o600);
  }
  const token = (await readFile(path, 'utf8')).trim();
  const status = (shown?: string): Promise<string> =>
    codeOf(
      createClient(
        OperationsService,
        open({ kind: 'tls', authority: authority.certificate }, shown),
      ).getStatus({}),
    );
  expect(await status(token)).toBe('ANSWERED');
  for (const wrong of [undefined, '', 'x', `${token}x`, token.slice(1)]) {
    expect(await status(wrong)).toBe('UNAUTHENTICATED');
  }
  const stored = await readFile(join(fixture.folder, 'coordinator.db'));
  expect(stored.includes(token)).toBe(false);
});

test('first contact believes the authority that the token names, and no other', async () => {
  expect(await fetchAuthority(fixture.address, authority.sha256)).toContain('BEGIN CERTIFICATE');
  expect(await codeOf(fetchAuthority(fixture.address, '0'.repeat(64)))).toBe('AUTHORITY_MISMATCH');
  expect(await codeOf(fetchAuthority('127.0.0.1:1', authority.sha256))).toBe('UNAVAILABLE');
});

test('labels are set and removed, and the list knows groups', async () => {
  await fixture.deviceConnection('labelled');
  const set = [
    { key: 'hall', value: '4' },
    { key: 'old', value: 'yes' },
  ];
  await fixture.fleet.labelDevice({ deviceId: 'labelled', set, remove: [] });
  const { device } = await fixture.fleet.labelDevice({ deviceId: 'labelled', set: [], remove: ['old'] });
  expect(device?.labels).toEqual([{ key: 'hall', value: '4' }]);
  expect((await fixture.fleet.listDevices({ group: 'none' })).devices).toEqual([]);
  const { devices } = await fixture.fleet.listDevices({ group: 'test' });
  expect(devices.map(({ deviceId }) => deviceId)).toContain('labelled');
  expect(await codeOf(fixture.fleet.getDevice({ deviceId: 'missing' }))).toBe('DEVICE_UNKNOWN');
  const bad = [{ key: 'a b', value: '' }];
  const labelled = fixture.fleet.labelDevice({ deviceId: 'labelled', set: bad, remove: [] });
  expect(await codeOf(labelled)).toBe('LABELS_INVALID');
});
