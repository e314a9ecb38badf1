import { type Clock, createVirtualClock } from '@starling/federation';
import type { IPublishPacket } from 'mqtt';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../adapters/system-clock.js';
import { scalingModel } from '../../testing/models.js';
import { findMosquitto, startMosquitto } from '../../testing/mosquitto.js';
import { testRecorder } from '../../testing/recorder.js';
import { createInferenceService } from '../service.js';
import { parseResultTopic } from './result-topic.js';
import { openResults } from './results.js';

test('a result’s topic has the sensor’s name in its place, and no name leads out of it', () => {
  const topic = parseResultTopic('hall/{source}/result');
  expect(topic('m1')).toBe('hall/m1/result');
  expect(topic('plant/m1')).toBe('hall/plant/m1/result');
  for (const name of ['', '#', 'a/+', 'a//b', '/a', 'a\0', 'a\u0085', '\ud800', '\uffff']) {
    expect(topic(name)).toBeUndefined();
  }
  for (const wrong of [
    'hall/result',
    '{source}/result',
    '$SYS/{source}',
    'hall/+/{source}',
    'a/{source}/{source}',
  ]) {
    expect(() => parseResultTopic(wrong)).toThrow(/no topic for results/);
  }
  expect(() => parseResultTopic('hall/{machine}/result')).toThrow(/\{source\}/);
});

const mosquitto = findMosquitto();

/** Windows of three samples, each overlapping the one before by two. */
const recording = {
  features: [{ name: 'a', dataType: 'int16', shape: [3], range: [-1000, 1000], scale: 0.5 }],
  target: { kind: 'number', name: 'wear', shape: [], range: [5, 9] },
  window: { size: 3, stride: 1, samplingHz: 1000 },
};

async function device(url: string, topic: string, qos: 0 | 1, clock: Clock) {
  const warnings: unknown[] = [];
  const log = { info() {}, warn: (fields: unknown) => warnings.push(fields), error() {} };
  const service = createInferenceService(clock);
  const taken = ['hall/{motor}/vibration'];
  const results = await openResults(service, {
    ...{ broker: { url }, clientId: 'gateway-results', taken, clock, log },
    results: [{ recording: 't', model: 'scale', topic, qos }],
  });
  const { recorder } = await testRecorder(recording, { follower: results.follower });
  onTestFinished(async () => {
    await results.close();
    await service.close();
  });
  return { service, recorder, results, warnings };
}

const samples = (from: number, count: number): Uint8Array =>
  Buffer.from(
    JSON.stringify(Array.from({ length: count }, (_, at) => ({ time: from + at, a: (from + at) % 1000 }))),
  );

test.skipIf(mosquitto === undefined)(
  'Mosquitto: each window that is recorded has its result published once and in order, by the model that serves',
  async () => {
    const { url, sensor } = await startMosquitto(mosquitto ?? '');
    const { service, recorder, warnings } = await device(url, 'hall/{source}/result', 1, systemClock());
    const heard: { topic: string; qos: number; body: { id: string; outputs: { data: number[] }[] } }[] = [];
    sensor.on('message', (topic, payload, { qos }: IPublishPacket) =>
      heard.push({ topic, qos, body: JSON.parse(payload.toString()) }),
    );
    await sensor.subscribeAsync('hall/+/result', { qos: 1 });

    // Nothing serves yet: nothing is said, and nothing waits for it.
    await recorder.record('m1', 'json', samples(100, 3));
    expect(warnings).toEqual([{ withoutModel: 1 }]);
    await service.load('scale', '1', scalingModel(2));
    service.activate('scale', '1');
    await recorder.record('m1', 'json', samples(103, 1));
    await vi.waitFor(() => expect(heard).toHaveLength(1));
    expect(heard[0]).toEqual({
      topic: 'hall/m1/result',
      qos: 1,
      body: {
        model_name: 'scale',
        model_version: '1',
        id: 'm1@101',
        parameters: { recording: 't', source: 'm1', from: 101, to: 103 },
        // Normalised as training has it, half of each, and doubled by the model.
        outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 3], data: [101, 102, 103] }],
      },
    });
    // What came before is no window again, and what breaks the contract is none.
    await recorder.record('m1', 'json', samples(101, 3));
    await recorder.record('m1', 'json', Buffer.from('{"time": 105, "a": 5000}'));

    await service.load('scale', '2', scalingModel(-2));
    service.activate('scale', '2');
    for (let at = 0; at < 20; at++)
      await recorder.record(`m${2 + (at % 2)}`, 'json', samples(200 + 10 * at, 10));
    await vi.waitFor(() => expect(heard).toHaveLength(1 + 20 * 8), 10_000);
    const ids = heard.slice(1).map(({ body }) => body.id);
    expect(ids).toEqual(
      Array.from({ length: 160 }, (_, at) => {
        const message = Math.floor(at / 8);
        return `m${2 + (message % 2)}@${200 + 10 * message + (at % 8)}`;
      }),
    );
    expect(heard[1].body.outputs[0].data).toEqual([-200, -201, -202]);

    // A name that is no level, and one that would make it a sample again.
    await recorder.record('m/#', 'json', samples(1000, 3));
    expect(heard).toHaveLength(161);
  },
);

test.skipIf(mosquitto === undefined)(
  'Mosquitto: while the broker is gone the newest results wait within a bound, and one that would be an example goes nowhere',
  async () => {
    const clock = createVirtualClock();
    const broker = await startMosquitto(mosquitto ?? '');
    const { service, recorder, results, warnings } = await device(broker.url, 'hall/{source}', 0, clock);
    await service.load('scale', '1', scalingModel(1));
    service.activate('scale', '1');
    const heard: string[] = [];
    broker.sensor.on('message', (topic) => heard.push(topic));
    await broker.sensor.subscribeAsync('hall/#', { qos: 0 });
    await recorder.record('m1/vibration', 'json', samples(0, 3));
    await recorder.record('m1', 'json', samples(0, 3));
    await vi.waitFor(() => expect(heard).toEqual(['hall/m1']));
    expect(warnings).toEqual([{ withoutTopic: 1 }]);
    broker.process.kill('SIGKILL');
    await vi.waitFor(() => expect(warnings).toContainEqual({ error: expect.any(String) }), 5000);
    // More than may wait: the agent goes on recording, and says how many it passed over.
    for (let at = 1; at <= 10; at++) {
      const { examples } = await recorder.record('m1', 'json', samples(1000 * at, 102));
      expect(examples).toBe(100);
    }
    clock.advance(60_000);
    await recorder.record('m1', 'json', samples(20_000, 3));
    expect(warnings).toContainEqual({ passedOver: 10 * 100 + 1 - 256 });
    // It ends without a broker, too.
    await results.close();
  },
);
