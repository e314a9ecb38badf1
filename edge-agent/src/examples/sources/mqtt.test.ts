import { decodeMessage, encodeMessage, SparkplugPayload } from '@starling/proto/sparkplug';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../adapters/system-clock.js';
import type { Log } from '../../connection/shell.js';
import { findMosquitto, startMosquitto } from '../../testing/mosquitto.js';
import { joinedRecorder } from '../../testing/recorder.js';
import { type MqttSourceOptions, openMqttSource } from './mqtt.js';

const log = { info() {}, warn() {}, error() {} };

const openSource = (url: string, subscriptions: MqttSourceOptions['subscriptions'], told: Log = log) =>
  openMqttSource({ url, clientId: 'device-1', subscriptions, clock: systemClock(), log: told });

const broker = findMosquitto();

test.skipIf(broker === undefined)(
  'Mosquitto: a message is acknowledged once its example is durable; where it cannot be written it comes again',
  async () => {
    const { store, database, recorder: made } = await joinedRecorder();
    const { url, sensor } = await startMosquitto(broker ?? '');
    database.exec(`
      CREATE TEMP TRIGGER disk_full BEFORE INSERT ON examples BEGIN SELECT RAISE(FAIL, 'the disk is full'); END`);
    const failures: string[] = [];
    const attentive = {
      ...log,
      error(_fields: object, message: string) {
        failures.push(message);
        if (failures.length === 1) database.exec('DROP TRIGGER temp.disk_full');
      },
    };
    const subscriptions = [
      { topic: 'plant/{machine}/x', format: 'json', carries: 'examples', recorder: made },
    ] as const;
    const source = await openSource(url, subscriptions, attentive);
    onTestFinished(() => source.close());
    await sensor.publishAsync('plant/m1/x', '{"id":"a","x":0.5}', { qos: 1 });
    await vi.waitFor(() => expect(failures).toEqual([expect.stringMatching(/could not be stored/)]), 20_000);
    await vi.waitFor(() => expect(store.statistics('t').examples).toBe(1), 20_000);
  },
);

test.skipIf(broker === undefined)(
  'Mosquitto: what was published with QoS 1 while this device was off is stored, once',
  async () => {
    const { store, recorder: made } = await joinedRecorder();
    const { url, sensor: publisher } = await startMosquitto(broker ?? '');
    const subscriptions = [
      { topic: 'plant/{machine}/x', format: 'json', carries: 'examples', recorder: made },
      { topic: 'plant/labels', format: 'csv', carries: 'labels', recorder: made },
    ] as const;
    const open = () => openSource(url, subscriptions);
    const publish = (topic: string, text: string) => publisher.publishAsync(topic, text, { qos: 1 });
    const examples = () => [...store.examples('t', 'all')].map(({ source, id }) => `${source}:${id}`);

    const first = await open();
    await publish('plant/m1/x', '{"id":"a","x":0.5}');
    await publish('plant/m2/x', 'not json');
    await vi.waitFor(() => expect(store.statistics('t').quarantined).toEqual({ 'payload-not-json': 1 }));
    await first.close();
    // Off.
    for (let message = 0; message < 50; message++) await publish('plant/m1/x', `{"id":${message},"x":0.25}`);
    await publish('plant/labels', 'id,side\n7,1\n');
    expect(examples()).toEqual(['m1:a']);
    const second = await open();
    await vi.waitFor(
      () => expect(store.statistics('t')).toMatchObject({ examples: 51, labelled: 1 }),
      20_000,
    );
    await second.close();
    expect(examples().slice(1)).toEqual(Array.from({ length: 50 }, (_, message) => `m1:${message}`));
  },
);

test.skipIf(broker === undefined)(
  'Mosquitto: what the broker retains is stored once, however often the connection is lost',
  async () => {
    const { store, recorder: made } = await joinedRecorder();
    const { url, sensor } = await startMosquitto(broker ?? '');
    await sensor.publishAsync('plant/m1/x', '{"x":0.5}', { qos: 1, retain: true });
    const subscriptions = [
      { topic: 'plant/{machine}/x', format: 'json', carries: 'examples', recorder: made },
    ] as const;
    const open = () => openSource(url, subscriptions);
    const examples = () => store.statistics('t').examples;
    const first = await open();
    await vi.waitFor(() => expect(examples()).toBe(1), 5000);
    await first.close();
    const second = await open();
    await sensor.publishAsync('plant/m2/x', '{"x":0.25}', { qos: 1 });
    await vi.waitFor(() => expect(examples()).toBeGreaterThan(1), 5000);
    await second.close();
    expect(examples()).toBe(2);
  },
);

test.skipIf(broker === undefined)(
  'Mosquitto: a message that two recordings subscribe to is stored once by each',
  async () => {
    const [one, other] = [await joinedRecorder(), await joinedRecorder()];
    const { url, sensor } = await startMosquitto(broker ?? '');
    const subscriptions = [
      { topic: 'plant/{machine}/x', format: 'json', carries: 'examples', recorder: one.recorder },
      { topic: 'plant/m1/{axis}', format: 'json', carries: 'examples', recorder: other.recorder },
    ] as const;
    const source = await openSource(url, subscriptions);
    await sensor.publishAsync('plant/m1/x', '{"x":0.5}', { qos: 1 });
    await sensor.publishAsync('plant/m2/x', '{"x":0.5}', { qos: 1 });
    await vi.waitFor(() => expect(one.store.statistics('t').examples).toBeGreaterThan(1), 5000);
    await source.close();
    expect([one, other].map(({ store }) => store.statistics('t').examples)).toEqual([2, 1]);
  },
);

test.skipIf(broker === undefined)(
  'Mosquitto: a Sparkplug node whose birth was before the agent is asked for it, and its data are recorded then',
  async () => {
    const { store, recorder: made } = await joinedRecorder();
    const { url, sensor } = await startMosquitto(broker ?? '');
    const subscriptions = (['DBIRTH', 'DDATA'] as const).map((kind) => ({
      topic: `spBv1.0/plant/${kind}/{node}/{device}`,
      format: 'sparkplug' as const,
      carries: 'examples' as const,
      recorder: made,
    }));
    const source = await openSource(url, subscriptions);
    onTestFinished(() => source.close());
    const metric = { alias: 7, timestamp: 0, datatype: 0, isNull: false } as const;
    const publish = (kind: string, timestamp: number, name: string | undefined) =>
      sensor.publishAsync(
        `spBv1.0/plant/${kind}/n1/m1`,
        Buffer.from(
          encodeMessage(SparkplugPayload, {
            timestamp,
            metrics: [{ ...metric, name, value: { kind: 'floatValue', value: 0.5 } }],
          }),
        ),
        { qos: 1 },
      );
    const asked: unknown[] = [];
    sensor.on('message', (topic, payload) => {
      asked.push([
        topic,
        decodeMessage(SparkplugPayload, payload).metrics.map(({ name, value }) => [name, value]),
      ]);
    });
    await sensor.subscribeAsync('spBv1.0/plant/NCMD/n1');
    await publish('DDATA', 1, undefined);
    await publish('DDATA', 2, undefined);
    await vi.waitFor(() => expect(asked).toHaveLength(1), 5000);
    expect(asked).toEqual([
      ['spBv1.0/plant/NCMD/n1', [['Node Control/Rebirth', { kind: 'booleanValue', value: true }]]],
    ]);
    await publish('DBIRTH', 3, 'x');
    await publish('DDATA', 4, undefined);
    await vi.waitFor(() => expect(store.statistics('t').examples).toBe(2), 5000);
    expect(store.statistics('t').quarantined).toEqual({ 'sparkplug-birth-unknown': 2 });
    expect(asked).toHaveLength(1);
  },
);
