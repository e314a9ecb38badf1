import { appendFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVirtualClock } from '@starling/federation';
import { decodeMessage, encodeMessage, SparkplugPayload } from '@starling/proto/sparkplug';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../adapters/system-clock.js';
import { parseTopicTemplate } from '../../sensor-broker/index.js';
import { findMosquitto, startMosquitto } from '../../testing/mosquitto.js';
import { testRecorder } from '../../testing/recorder.js';
import { temporaryFolder } from '../../testing/small-task.js';
import { openFilesSource } from './files.js';
import { openHttpSource } from './http.js';
import { openMqttSource } from './mqtt.js';

const log = { info() {}, warn() {}, error() {} };

const recorder = () =>
  testRecorder({
    features: [{ name: 'x', dataType: 'float32', shape: [], range: [-1, 1] }],
    target: { kind: 'class', name: 'side', classes: 2 },
    labels: { join: 'id' },
  });

test('a template names its sensor by the variables, and is refused where it is none', () => {
  const template = parseTopicTemplate('plant/{machine}/{axis}/data');
  expect(template.filter).toBe('plant/+/+/data');
  expect(template.match('plant/m1/x/data')).toBe('m1/x');
  expect(template.match('plant/m1/data')).toBeUndefined();
  expect(parseTopicTemplate('a/b').match('a/b')).toBe('a/b');
  for (const wrong of ['a/+', '#', 'a//b', 'a/{x', 'a/{x}y'])
    expect(() => parseTopicTemplate(wrong)).toThrow(/topic/);
});

test('examples and labels come over HTTP, and what is wrong is said', async () => {
  const { store, recorder: made } = await recorder();
  const internal: unknown[] = [];
  const source = await openHttpSource({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock(),
    recorders: new Map([['t', made]]),
    onInternalError: (error) => internal.push(error),
  });
  onTestFinished(() => source.close());
  const post = async (path: string, body: string, type = 'application/json') => {
    const response = await fetch(`http://${source.address}${path}`, {
      method: 'POST',
      body,
      headers: { 'content-type': type },
    });
    return [response.status, await response.json()] as const;
  };
  expect(await post('/examples/t?source=m1', '[{"id":1,"x":0.5},{"x":7}]')).toEqual([
    200,
    { accepted: 1, quarantined: 1, examples: 1 },
  ]);
  expect(await post('/labels/t', 'id,side\n1,1\n', 'text/csv')).toMatchObject([200, { accepted: 1 }]);
  expect(store.statistics('t')).toMatchObject({ examples: 1, labelled: 1, quarantined: { 'range:x': 1 } });
  expect((await post('/examples/u', '{}'))[0]).toBe(404);
  for (const type of ['image/png', 'constructor', '__proto__'])
    expect((await post('/examples/t', '{}', type))[0]).toBe(415);
  expect((await fetch(`http://${source.address}/examples/t`)).status).toBe(405);
  expect(internal).toEqual([]);
});

test('files put into a folder are taken once they are whole, and what has no known ending is set aside', async () => {
  const { store, recorder: made } = await recorder();
  const folder = await temporaryFolder();
  const source = await openFilesSource({ folder, recorder: made, clock: systemClock(), log, everyMs: 5 });
  onTestFinished(() => source.close());
  await writeFile(join(folder, 'm1.csv.part'), 'x\n0.1\n0.2\n');
  await writeFile(join(folder, 'photo.png'), 'x');
  await vi.waitFor(async () => expect(await readdir(folder)).toEqual(['m1.csv.part', 'photo.png.rejected']));
  expect(store.statistics('t').examples).toBe(0);
  await rename(join(folder, 'm1.csv.part'), join(folder, 'm1.csv'));
  await vi.waitFor(async () => expect(await readdir(folder)).toEqual(['photo.png.rejected']));
  expect([...store.examples('t', 'all')].map(({ source }) => source)).toEqual(['m1', 'm1']);
});

test('a file that is still copied is taken whole, and one of the same name that comes meanwhile is taken too', async () => {
  const { store, recorder: made } = await recorder();
  const folder = await temporaryFolder();
  const clock = createVirtualClock(0);
  let done: (() => void) | undefined;
  let recording = 0;
  const slow = {
    ...made,
    async record(...given: Parameters<typeof made.record>) {
      recording += 1;
      const recorded = await made.record(...given);
      await new Promise<void>((resolve) => {
        done = resolve;
      });
      return recorded;
    },
  };
  const source = await openFilesSource({ folder, recorder: slow, clock, log, everyMs: 1000 });
  onTestFinished(() => source.close());
  const path = join(folder, 'm1.csv');
  const look = async (): Promise<void> => {
    clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 30));
  };
  await writeFile(path, 'x\n0.1\n');
  await look();
  await appendFile(path, '0.2\n');
  await look();
  expect(recording).toBe(0);
  await look();
  await vi.waitFor(() => expect(store.statistics('t').examples).toBe(2));
  // It is stored, and not removed yet: its name is free for the next one.
  await writeFile(path, 'x\n0.3\n');
  done?.();
  await vi.waitFor(async () => expect(await readdir(folder)).toEqual(['m1.csv']));
  await vi.waitFor(async () => {
    await look();
    expect(recording).toBe(2);
  });
  done?.();
  await vi.waitFor(async () => expect(await readdir(folder)).toEqual([]));
  expect(store.statistics('t').examples).toBe(3);
});

test('a file that an agent had taken when it ended, or could not store, is taken again', async () => {
  const { store, database, recorder: made } = await recorder();
  const folder = await temporaryFolder();
  await writeFile(join(folder, '.m1.json.taken'), '{"id":"a","x":0.5}');
  await writeFile(join(folder, 'm2.json'), '{"id":"b","x":0.5}');
  database.exec(`
    CREATE TEMP TRIGGER disk_full BEFORE INSERT ON examples BEGIN SELECT RAISE(FAIL, 'the disk is full'); END`);
  const warnings: unknown[] = [];
  const attentive = { ...log, warn: (fields: object) => void warnings.push(fields) };
  const source = await openFilesSource({
    ...{ folder, recorder: made, clock: systemClock(), log: attentive, everyMs: 5 },
  });
  onTestFinished(() => source.close());
  await vi.waitFor(() => expect(warnings).toHaveLength(2));
  database.exec('DROP TRIGGER temp.disk_full');
  await vi.waitFor(async () => expect(await readdir(folder)).toEqual([]));
  expect(store.statistics('t').examples).toBe(2);
});

test('a folder of files that nobody can make is refused with what to do', async () => {
  const { recorder: made } = await recorder();
  const opened = openFilesSource({ folder: '/proc/starling/in', recorder: made, clock: systemClock(), log });
  await expect(opened).rejects.toMatchObject({
    code: 'agent/configuration',
    message: expect.stringMatching(/\/proc\/starling\/in cannot be made; name another by "files"/),
  });
});

const broker = findMosquitto();

test.skipIf(broker === undefined)(
  'Mosquitto: a message is acknowledged once its example is durable; where it cannot be written it comes again',
  async () => {
    const { store, database, recorder: made } = await recorder();
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
    const source = await openMqttSource({
      url,
      clientId: 'device-1',
      subscriptions,
      clock: systemClock(),
      log: attentive,
    });
    onTestFinished(() => source.close());
    await sensor.publishAsync('plant/m1/x', '{"id":"a","x":0.5}', { qos: 1 });
    await vi.waitFor(() => expect(failures).toEqual([expect.stringMatching(/could not be stored/)]), 20_000);
    await vi.waitFor(() => expect(store.statistics('t').examples).toBe(1), 20_000);
  },
);

test.skipIf(broker === undefined)(
  'Mosquitto: what was published with QoS 1 while this device was off is stored, once',
  async () => {
    const { store, recorder: made } = await recorder();
    const { url, sensor: publisher } = await startMosquitto(broker ?? '');
    const subscriptions = [
      { topic: 'plant/{machine}/x', format: 'json', carries: 'examples', recorder: made },
      { topic: 'plant/labels', format: 'csv', carries: 'labels', recorder: made },
    ] as const;
    const open = () =>
      openMqttSource({ url, clientId: 'device-1', subscriptions, clock: systemClock(), log });
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
    const { store, recorder: made } = await recorder();
    const { url, sensor } = await startMosquitto(broker ?? '');
    await sensor.publishAsync('plant/m1/x', '{"x":0.5}', { qos: 1, retain: true });
    const subscriptions = [
      { topic: 'plant/{machine}/x', format: 'json', carries: 'examples', recorder: made },
    ] as const;
    const open = () =>
      openMqttSource({ url, clientId: 'device-1', subscriptions, clock: systemClock(), log });
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
    const [one, other] = [await recorder(), await recorder()];
    const { url, sensor } = await startMosquitto(broker ?? '');
    const subscriptions = [
      { topic: 'plant/{machine}/x', format: 'json', carries: 'examples', recorder: one.recorder },
      { topic: 'plant/m1/{axis}', format: 'json', carries: 'examples', recorder: other.recorder },
    ] as const;
    const source = await openMqttSource({
      url,
      clientId: 'device-1',
      subscriptions,
      clock: systemClock(),
      log,
    });
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
    const { store, recorder: made } = await recorder();
    const { url, sensor } = await startMosquitto(broker ?? '');
    const subscriptions = (['DBIRTH', 'DDATA'] as const).map((kind) => ({
      topic: `spBv1.0/plant/${kind}/{node}/{device}`,
      format: 'sparkplug' as const,
      carries: 'examples' as const,
      recorder: made,
    }));
    const source = await openMqttSource({
      url,
      clientId: 'device-1',
      subscriptions,
      clock: systemClock(),
      log,
    });
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
