import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { type Log, readIdentity, securityOf } from '@starling/edge-agent';
import {
  COORDINATOR_NAME,
  connect,
  createClient,
  encodeMessage,
  FleetService,
  TelemetryBatch,
  TelemetryQueryService,
  TelemetryRecords,
  TelemetryWatermark,
  telemetryTopic,
  watermarkTopic,
} from '@starling/proto';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createScope,
  numberedRecord,
  operatorSecurity,
  startTelemetryDevice,
  type TelemetryDevice,
  temporaryFolder,
  until,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';
import { brokerWays, type World } from './ways.js';

const settings = {
  streams: [{ name: 'readings', priority: 'normal', timeToLiveMs: null }],
  budgetBytes: 1 << 20,
  bytesPerSecondMax: null,
  metricsPeriodMs: 60_000,
} as const;

/** A batch of one record that any device could send. */
function batchOf(stream: string): Buffer {
  const records = encodeMessage(TelemetryRecords, { records: [numberedRecord(1, 1)] });
  const batch = {
    stream,
    epoch: '0123456789abcdef',
    firstSequence: 0,
    recordCount: 1,
    losses: [],
    records: deflateRawSync(records),
    recordsBytes: records.byteLength,
  };
  return Buffer.from(encodeMessage(TelemetryBatch, batch));
}

/** `mallory` is a device of the fleet that shows its own certificate, and does with it what it should not. */
describe.each(brokerWays)('at $name', ({ start }) => {
  const scope = createScope();
  let world: World;
  let honest: TelemetryDevice;
  const honestLog: string[] = [];
  let connectAs: (clientId: string) => Promise<MqttClient>;
  let streamsOf: (deviceId: string) => Promise<readonly string[]>;

  beforeAll(async () => {
    const folder = join(await temporaryFolder(scope, 'telemetry'), 'coordinator');
    world = await start(scope, folder);
    const { coordinator, brokerPort } = world;
    const note = (_fields: object, message: string): void => void honestLog.push(message);
    const log: Log = { info: note, warn: note, error: note };
    honest = await startTelemetryDevice(
      coordinator,
      'honest',
      await temporaryFolder(scope, 'honest'),
      settings,
      log,
    );
    scope.onClose(() => honest.close());
    await until('a connection', () => honest.telemetry.status().link);
    const state = await temporaryFolder(scope, 'mallory');
    (await startTelemetryDevice(coordinator, 'mallory', state, settings)).close();
    const identity = await readIdentity(state);
    const security = identity && securityOf(identity);
    if (security?.kind !== 'tls' || security.identity === undefined) throw new Error('the device enrolled');
    const { authority, identity: own } = security;
    connectAs = async (clientId) => {
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
    const connection = connect(coordinator.address, await operatorSecurity(coordinator.folder));
    scope.onClose(() => connection.close());
    const queries = createClient(TelemetryQueryService, connection);
    streamsOf = async (deviceId) =>
      (await queries.listTelemetryStreams({ deviceId })).streams.map(({ stream }) => stream);
  }, 30_000);

  afterAll(() => scope.close());

  /** Returns when the coordinator holds a new record of the honest device, and with it all that came before it. */
  const honestIsHeard = async (): Promise<void> => {
    await honest.telemetry.record('readings', [numberedRecord(1, 1)]);
    await until('the watermark', () =>
      honest.telemetry.status().streams.every(({ next, acknowledged }) => next === acknowledged)
        ? true
        : undefined,
    );
  };

  test('a device neither publishes as another nor reads what is another’s', async () => {
    const listener = await connectAs('mallory');
    const heard: string[] = [];
    listener.on('message', (topic) => heard.push(topic));
    // Whether a broker refuses or grants, it must deliver nothing.
    await listener.subscribeAsync([watermarkTopic('honest'), telemetryTopic('honest'), '#']).catch(() => {});
    await honestIsHeard();
    await listener.publishAsync(telemetryTopic('honest'), batchOf('forged'), { qos: 0 });
    await listener.endAsync(true);
    // Under the other's name, with one's own certificate.
    await connectAs('honest').then(
      (client) => client.publishAsync(telemetryTopic('honest'), batchOf('forged'), { qos: 0 }),
      () => {},
    );
    // The same batch under its own name arrives, so that what came before it would have arrived too.
    const sender = await connectAs('mallory');
    await sender.publishAsync(telemetryTopic('mallory'), batchOf('forged'), { qos: 1 });
    await until('the batch of mallory', async () =>
      (await streamsOf('mallory')).length > 0 ? true : undefined,
    );
    expect(await streamsOf('mallory')).toEqual(['forged']);
    expect(await streamsOf('honest')).toEqual(['readings']);
    expect(heard).toEqual([]);
  });

  test('a device that calls itself the coordinator, or another device, drives neither from the broker', async () => {
    // It was started before the broker.
    const before = world.coordinator.lines().length;
    for (const name of [COORDINATOR_NAME, 'honest']) {
      // Whether a broker refuses it or goes by its certificate, the others stay.
      await connectAs(name).catch(() => {});
    }
    await honestIsHeard();
    const lines = world.coordinator.lines().slice(before);
    expect(lines.filter((line) => line.includes('no connection to the broker'))).toEqual([]);
    expect(honestLog.filter((message) => message.includes('is closed'))).toEqual([]);
  });

  test('a forged watermark does not reach the device whose records it would delete', async () => {
    await honestIsHeard();
    const [before] = honest.telemetry.status().streams;
    const beyond = { stream: 'readings', epoch: before.epoch, nextSequence: before.next + 1_000 };
    const forger = await connectAs('mallory');
    // A broker answers, or ends the connection: whatever it would pass on is on its way then.
    const ended = new Promise<void>((settle) => forger.once('close', () => settle()));
    const forged = Buffer.from(encodeMessage(TelemetryWatermark, beyond));
    const answered = forger.publishAsync(watermarkTopic('honest'), forged, { qos: 1 }).catch(() => {});
    await Promise.race([answered, ended]);
    await honestIsHeard();
    // A device that is told of more than it numbered numbers anew, under another epoch.
    expect(honest.telemetry.status().streams).toEqual([
      { ...before, next: before.next + 1, acknowledged: before.next + 1 },
    ]);
  });

  test('a message that is larger than any batch does not come as far as the coordinator', async () => {
    const before = world.coordinator.lines().length;
    const sender = await connectAs('mallory');
    const ended = new Promise<void>((settle) => sender.once('close', () => settle()));
    const large = Buffer.alloc(2 << 20, 0xff);
    const answered = sender.publishAsync(telemetryTopic('mallory'), large, { qos: 1 }).catch(() => {});
    await Promise.race([answered, ended]);
    await honestIsHeard();
    const lines = world.coordinator.lines().slice(before);
    expect(lines.filter((line) => line.includes('is no TelemetryBatch'))).toEqual([]);
  });

  test('telemetry of a device that was revoked is not stored, though its connection may still be there', async () => {
    const thief = await connectAs('mallory');
    const ended = new Promise<void>((settle) => thief.once('close', () => settle()));
    await thief.publishAsync(telemetryTopic('mallory'), batchOf('before'), { qos: 1 });
    await until('the batch before', async () =>
      (await streamsOf('mallory')).includes('before') ? true : undefined,
    );
    const { address, folder } = world.coordinator;
    const operator = connect(address, await operatorSecurity(folder));
    testScope().onClose(() => operator.close());
    await createClient(FleetService, operator).revokeDevice({ deviceId: 'mallory', reason: 'stolen' });
    for (const stream of ['after', 'later']) {
      const answered = thief.publishAsync(telemetryTopic('mallory'), batchOf(stream), { qos: 1 });
      await Promise.race([answered.catch(() => {}), ended]);
      await honestIsHeard();
    }
    expect(await streamsOf('mallory')).not.toContain('after');
    expect(await streamsOf('mallory')).not.toContain('later');
  });
});
