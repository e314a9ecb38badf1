import { readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
    const source = await openMqttSource({ url, clientId: 'device-1', subscriptions, log: attentive });
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
    const open = () => openMqttSource({ url, clientId: 'device-1', subscriptions, log });
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
