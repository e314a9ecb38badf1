import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { readIdentity, securityOf } from '@starling/edge-agent';
import {
  connect,
  createClient,
  encodeMessage,
  type StoredTelemetryRecord,
  TelemetryBatch,
  TelemetryQueryService,
  TelemetryRecords,
  telemetryTopic,
  watermarkTopic,
} from '@starling/proto';
import { connectAsync } from 'mqtt';
import { describe, expect, test } from 'vitest';
import {
  type CoordinatorProcess,
  freePort,
  mosquittoMissing,
  numberedRecord,
  operatorSecurity,
  type Scope,
  startCoordinatorProcess,
  startMosquitto,
  startTelemetryDevice,
  temporaryFolder,
  until,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';

const settings = {
  streams: [
    { name: 'alarms', priority: 'high', timeToLiveMs: null },
    { name: 'readings', priority: 'normal', timeToLiveMs: null },
  ],
  budgetBytes: 1 << 20,
  bytesPerSecondMax: null,
  metricsPeriodMs: 60_000,
} as const;

const missing = mosquittoMissing();
if (missing !== undefined) console.warn(`SKIPPED, the tests with Mosquitto: ${missing}`);

const ways = [
  { name: 'the coordinator’s own broker', link: 'mqtt-3.1.1', start: embedded, skip: false },
  { name: 'Mosquitto', link: 'mqtt-5', start: mosquitto, skip: missing !== undefined },
  { name: 'gRPC', link: 'grpc', start: grpcAlone, skip: false },
] as const;

interface World {
  readonly coordinator: CoordinatorProcess;
  /** `undefined` where there is no broker. */
  readonly brokerPort: number | undefined;
}

async function embedded(scope: Scope, folder: string): Promise<World> {
  const brokerPort = await freePort();
  return { coordinator: await startCoordinatorProcess(scope, { folder, mqttPort: brokerPort }), brokerPort };
}

async function mosquitto(scope: Scope, folder: string): Promise<World> {
  const brokerPort = await freePort();
  const coordinator = await startCoordinatorProcess(scope, { folder, mqttBroker: `localhost:${brokerPort}` });
  const at = join(folder, '..', 'mosquitto');
  const broker = await startMosquitto(scope, { folder: at, coordinatorFolder: folder, port: brokerPort });
  await broker.lineWhere('coordinator subscribed', (line) => line.includes('Sending SUBACK to coordinator'));
  return { coordinator, brokerPort };
}

async function grpcAlone(scope: Scope, folder: string): Promise<World> {
  return {
    coordinator: await startCoordinatorProcess(scope, { folder, mqttBroker: 'none' }),
    brokerPort: undefined,
  };
}

describe.each(ways.filter(({ skip }) => !skip))('over $name', ({ link, start }) => {
  test('records arrive once, in order, and the device forgets them when they are durable', async () => {
    const scope = testScope();
    const folder = join(await temporaryFolder(scope, 'telemetry'), 'coordinator');
    const { coordinator } = await start(scope, folder);
    const state = await temporaryFolder(scope, 'device');
    const device = await startTelemetryDevice(coordinator, 'gateway-1', state, settings);
    scope.onClose(() => device.close());
    const records = Array.from({ length: 3_000 }, (_, index) => numberedRecord(index, 1_000 + index));
    await device.telemetry.record('readings', records.slice(0, 1_000));
    await until('a connection', () => device.telemetry.status().link);
    expect(device.telemetry.status().link).toBe(link);
    await device.telemetry.record('readings', records.slice(1_000));
    await device.telemetry.record('alarms', [numberedRecord(-1, 500)]);
    await until('all watermarks', () =>
      device.telemetry.status().streams.every(({ next, acknowledged }) => next === acknowledged)
        ? true
        : undefined,
    );
    expect(device.telemetry.status().bytes).toBe(0);

    const connection = connect(coordinator.address, await operatorSecurity(coordinator.folder));
    scope.onClose(() => connection.close());
    const queries = createClient(TelemetryQueryService, connection);
    const query = { deviceId: 'gateway-1', stream: 'readings', name: '', fromMs: 0, toMs: 0, limit: 0 };
    const held: StoredTelemetryRecord[] = [];
    for await (const page of queries.queryTelemetry(query)) held.push(...page.records);
    expect(held.map(({ sequence }) => sequence)).toEqual(records.map((_, index) => index));
    expect(held.map(({ record }) => record)).toEqual(records);
    const { streams } = await queries.listTelemetryStreams({ deviceId: '' });
    expect(streams.map(({ stream, recordsHeld, losses }) => [stream, recordsHeld, losses])).toEqual([
      ['alarms', 1, []],
      ['readings', 3_000, []],
    ]);
  });
});

/** A batch of one record that any device could send. */
function forgedBatch(): Buffer {
  const records = encodeMessage(TelemetryRecords, { records: [numberedRecord(1, 1)] });
  const batch = {
    stream: 'forged',
    epoch: '0123456789abcdef',
    firstSequence: 0,
    recordCount: 1,
    losses: [],
    records: deflateRawSync(records),
    recordsBytes: records.byteLength,
  };
  return Buffer.from(encodeMessage(TelemetryBatch, batch));
}

describe.each(ways.filter(({ skip, name }) => !skip && name !== 'gRPC'))('over $name', ({ start }) => {
  test('a device neither publishes as another nor reads what is another’s', async () => {
    const scope = testScope();
    const folder = join(await temporaryFolder(scope, 'telemetry'), 'coordinator');
    const { coordinator, brokerPort } = await start(scope, folder);
    const honest = await startTelemetryDevice(
      coordinator,
      'honest',
      await temporaryFolder(scope, 'honest'),
      settings,
    );
    scope.onClose(() => honest.close());
    await until('a connection', () => honest.telemetry.status().link);
    const state = await temporaryFolder(scope, 'mallory');
    (await startTelemetryDevice(coordinator, 'mallory', state, settings)).close();
    const identity = await readIdentity(state);
    const security = identity && securityOf(identity);
    if (security?.kind !== 'tls' || security.identity === undefined) throw new Error('the device enrolled');
    const { authority, identity: own } = security;
    const connectAs = async (clientId: string) => {
      const client = await connectAsync(
        `mqtts://localhost:${brokerPort}`,
        {
          ca: authority,
          cert: own.certificate,
          key: own.privateKey,
          clientId,
          protocolVersion: 4,
          reconnectPeriod: 0,
        },
        false,
      );
      client.on('error', () => {});
      scope.onClose(() => client.endAsync(true));
      return client;
    };

    const listener = await connectAs('mallory');
    const heard: string[] = [];
    listener.on('message', (topic) => heard.push(topic));
    // Whether a broker refuses or grants, it must deliver nothing.
    await listener.subscribeAsync([watermarkTopic('honest'), telemetryTopic('honest'), '#']).catch(() => {});
    await honest.telemetry.record('readings', [numberedRecord(1, 1)]);
    await until('the watermark', () =>
      honest.telemetry.status().streams.every(({ next, acknowledged }) => next === acknowledged)
        ? true
        : undefined,
    );
    await listener.publishAsync(telemetryTopic('honest'), forgedBatch(), { qos: 0 });
    await listener.endAsync(true);
    // Under the other's name, with one's own certificate.
    await connectAs('honest').then(
      (client) => client.publishAsync(telemetryTopic('honest'), forgedBatch(), { qos: 0 }),
      () => {},
    );

    const connection = connect(coordinator.address, await operatorSecurity(coordinator.folder));
    scope.onClose(() => connection.close());
    const streams = async (deviceId: string) =>
      (await createClient(TelemetryQueryService, connection).listTelemetryStreams({ deviceId })).streams.map(
        ({ stream }) => stream,
      );
    // The same batch under its own name arrives, so that what came before it would have arrived too.
    const sender = await connectAs('mallory');
    await sender.publishAsync(telemetryTopic('mallory'), forgedBatch(), { qos: 1 });
    await until('the batch of mallory', async () =>
      (await streams('mallory')).length > 0 ? true : undefined,
    );
    expect(await streams('mallory')).toEqual(['forged']);
    expect(await streams('honest')).toEqual(['readings']);
    expect(heard).toEqual([]);
  });
});
