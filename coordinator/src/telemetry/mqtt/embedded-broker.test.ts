import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { COORDINATOR_NAME, createClient, TelemetryService, telemetryTopic } from '@starling/proto';
import { connectAsync, type IClientOptions } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, startFixture } from '../../testing/coordinator-fixture.js';
import { enrolDevice } from '../../testing/devices.js';

let fixture: Fixture;
let port: number;

beforeAll(async () => {
  fixture = await startFixture();
  const telemetry = createClient(TelemetryService, await fixture.deviceConnection('asking'));
  const { route } = await telemetry.getTelemetryRoute({});
  expect(route).toMatchObject({ kind: 'broker', value: { host: '', certificateName: COORDINATOR_NAME } });
  port = route?.kind === 'broker' ? route.value.port : 0;
});

afterAll(() => fixture.close());

async function optionsOf(deviceId: string): Promise<IClientOptions & { readonly port: number }> {
  const { authority } = fixture.coordinator;
  const security = await enrolDevice(fixture.address, authority, await fixture.token(), deviceId);
  if (security.kind !== 'tls' || security.identity === undefined) throw new Error('the device is certified');
  return {
    port,
    ca: authority,
    cert: security.identity.certificate,
    key: security.identity.privateKey,
    servername: COORDINATOR_NAME,
    clientId: deviceId,
    protocolVersion: 4,
    reconnectPeriod: 0,
  };
}

const url = (): string => `mqtts://127.0.0.1:${port}`;

test('a device connects under its own name, and not without a certificate or under another', async () => {
  const options = await optionsOf('honest');
  const client = await connectAsync(url(), options, false);
  expect(client.connected).toBe(true);
  await client.endAsync(true);
  await expect(connectAsync(url(), { ...options, clientId: 'other' }, false)).rejects.toThrow();
  const { cert: _cert, key: _key, ...bare } = options;
  await expect(connectAsync(url(), bare, false)).rejects.toThrow();
});

test('revocation cuts the connection within five seconds, and the device does not get back', {
  timeout: 5_000,
}, async () => {
  const options = await optionsOf('stolen');
  const client = await connectAsync(url(), options, false);
  client.on('error', () => {});
  const closed = new Promise<void>((settle) => client.once('close', () => settle()));
  await fixture.fleet.revokeDevice({ deviceId: 'stolen', reason: '' });
  await closed;
  await expect(connectAsync(url(), options, false)).rejects.toThrow();
});

test('a packet that announces more than any batch holds ends the connection before it is there', async () => {
  const { ca, cert, key } = await optionsOf('large');
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    ca,
    cert,
    key,
    servername: COORDINATOR_NAME,
  } as never);
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(5_000) });
  // A PUBLISH of 64 MiB, of which one byte comes.
  socket.write(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x20, 0x00]));
  await closed;
});

test('a message at QoS 2, which the broker would have to keep until its sender releases it, ends the connection', async () => {
  const client = await connectAsync(url(), await optionsOf('twice'), false);
  client.on('error', () => {});
  const closed = new Promise<void>((settle) => client.once('close', () => settle()));
  const answers: string[] = [];
  client.on('packetreceive', ({ cmd }) => answers.push(cmd));
  client.publish(telemetryTopic('twice'), Buffer.alloc(1_000), { qos: 2 });
  await closed;
  expect(answers).not.toContain('pubrec');
  await client.endAsync(true);
});

test('what is no batch is not taken, and the connection goes on', async () => {
  const client = await connectAsync(url(), await optionsOf('clumsy'), false);
  for (const payload of ['', 'no batch', Buffer.alloc(1_000, 0xff)]) {
    await client.publishAsync(telemetryTopic('clumsy'), payload, { qos: 1 });
  }
  expect(client.connected).toBe(true);
  await client.endAsync(true);
});
