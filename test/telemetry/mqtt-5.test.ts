import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createOpenLink,
  type DeviceIdentity,
  defaultTelemetry,
  readIdentity,
  securityOf,
  systemClock,
} from '@starling/edge-agent';
import { connect, createClient, presenceTopic, TelemetryQueryService, telemetryTopic } from '@starling/proto';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type CoordinatorProcess,
  createScope,
  freePort,
  mosquittoMissing,
  numberedRecord,
  operatorSecurity,
  startCoordinatorProcess,
  startMosquitto,
  startMqttTap,
  startTelemetryDevice,
  temporaryFolder,
  until,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';

const missing = mosquittoMissing();
if (missing !== undefined) console.warn(`SKIPPED, what MQTT 5 does for telemetry: ${missing}`);

const scope = createScope();
const deviceId = 'gateway-1';
let folder: string;
let coordinator: CoordinatorProcess;
/** Where the coordinator says that the broker is: nobody listens until a test does. */
let port: number;
let state: string;
let identity: DeviceIdentity;

beforeAll(async () => {
  folder = await temporaryFolder(scope, 'mqtt-5');
  port = await freePort();
  const own = join(folder, 'coordinator');
  coordinator = await startCoordinatorProcess(scope, { folder: own, mqttBroker: `localhost:${port}` });
  state = await temporaryFolder(scope, 'device');
  (await startTelemetryDevice(coordinator, deviceId, state, defaultTelemetry)).close();
  const read = await readIdentity(state);
  if (read === undefined) throw new Error('the device enrolled');
  identity = read;
}, 30_000);

afterAll(() => scope.close());

test('where the broker cannot be reached, records arrive over gRPC', async () => {
  const device = await startTelemetryDevice(coordinator, deviceId, state, defaultTelemetry);
  testScope().onClose(() => device.close());
  await device.telemetry.record(
    'events',
    Array.from({ length: 100 }, (_, index) => numberedRecord(index, index)),
  );
  await until('the watermark', () =>
    device.telemetry.status().streams.every(({ next, acknowledged }) => next === 100 && acknowledged === 100)
      ? true
      : undefined,
  );
  expect(device.telemetry.status().link).toBe('grpc');
  const connection = connect(coordinator.address, await operatorSecurity(coordinator.folder));
  testScope().onClose(() => connection.close());
  const { streams } = await createClient(TelemetryQueryService, connection).listTelemetryStreams({
    deviceId,
  });
  expect(streams.map(({ stream, recordsHeld }) => [stream, recordsHeld])).toEqual([['events', 100]]);
});

test.skipIf(missing !== undefined)(
  'over MQTT 5 an alias stands for the topic, no more is on the way than the broker takes, and the will tells of a device that is gone',
  async () => {
    const brokerPort = await freePort();
    const at = join(folder, 'mosquitto');
    const further = 'max_inflight_messages 3\n';
    await startMosquitto(scope, {
      folder: at,
      coordinatorFolder: coordinator.folder,
      port: brokerPort,
      further,
    });
    const security = securityOf(identity);
    if (security.kind !== 'tls' || security.identity === undefined)
      throw new Error('the device has a certificate');
    const tlsFolder = join(at, 'tls');
    const tap = await startMqttTap(scope, { port, tlsFolder, brokerPort, deviceId, ...security.identity });

    // The coordinator is turned away by the tap, so that its name is free for a listener.
    const listener = await connectAsync(`mqtts://localhost:${brokerPort}`, {
      ca: security.authority,
      cert: await readFile(join(tlsFolder, 'coordinator.pem')),
      key: await readFile(join(tlsFolder, 'coordinator.key')),
      reconnectPeriod: 0,
    });
    scope.onClose(() => listener.endAsync(true));
    const told: string[] = [];
    listener.on('message', (topic, payload) => told.push(`${topic} ${payload}`));
    await listener.subscribeAsync(presenceTopic('+'), { qos: 1 });

    const clock = systemClock();
    const log = { info() {}, warn() {}, error() {} };
    const openLink = createOpenLink({
      coordinator: coordinator.address,
      identity: () => identity,
      clock,
      log,
    });
    const closings: string[] = [];
    const events = { onWatermark() {}, onClosed: (why: string) => void closings.push(why) };
    const link = await openLink(events, new AbortController().signal);
    scope.onClose(() => link.close());
    expect(link.kind).toBe('mqtt-5');
    await until('its presence', () => told[0]);
    expect(told).toEqual([`${presenceTopic(deviceId)} online`]);

    tap.holdAnswers(true);
    let handedOver = 0;
    const sends = Array.from({ length: 8 }, () =>
      link.send(new Uint8Array(10)).then(() => {
        handedOver += 1;
      }),
    );
    const batches = () => tap.topics().slice(1);
    await until('three messages on the way', () => (batches().length >= 3 ? true : undefined));
    expect(handedOver).toBe(3);
    tap.holdAnswers(false);
    await Promise.all(sends);
    await until('all messages', () => (batches().length === 8 ? true : undefined));
    expect(batches()).toEqual([telemetryTopic(deviceId), ...Array.from({ length: 7 }, () => '')]);

    tap.cut();
    await until('the will', () => told[1]);
    expect(told[1]).toBe(`${presenceTopic(deviceId)} offline`);
    await until('the end of the link', () => closings[0]);
  },
);
