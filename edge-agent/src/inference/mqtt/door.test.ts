import fc from 'fast-check';
import type { IPublishPacket } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../adapters/system-clock.js';
import { fuzzRuns, fuzzTimeoutMs } from '../../testing/fuzz-runs.js';
import { hostilePayload } from '../../testing/hostile-payloads.js';
import { checkNothingPilesUp, type MemoryUse, memoryUse } from '../../testing/memory.js';
import { scalingModel } from '../../testing/models.js';
import { findMosquitto, startMosquitto } from '../../testing/mosquitto.js';
import { createInferenceService, defaultInferenceSettings } from '../service.js';
import { parseAnswerTopic } from './answer-topic.js';
import { openMqttDoor } from './door.js';

const log = { info() {}, warn() {}, error() {} };

test('the answer’s topic is made of the question’s variables, in any order, and of no others', () => {
  const answer = parseAnswerTopic('answers/{machine}/{plant}', '{plant}/{machine}/ask');
  expect(answer('p1/m2/ask')).toBe('answers/m2/p1');
  expect(answer('p1/m2/tell')).toBeUndefined();
  expect(() => parseAnswerTopic('answers/{line}', '{plant}/ask')).toThrow(/\{line\}/);
});

const mosquitto = findMosquitto();

test.skipIf(mosquitto === undefined)(
  'Mosquitto: each question is answered where it says, with its correlation data, or at the configured topic',
  async () => {
    const { url, sensor } = await startMosquitto(mosquitto ?? '');
    // Retained, a question would be answered at each start and each connection.
    await sensor.publishAsync('hall/m0/ask', '{}', { qos: 1, retain: true });
    const service = createInferenceService(systemClock());
    await service.load('scale', '1', scalingModel(2));
    service.activate('scale', '1');
    const internal: unknown[] = [];
    const answers: { topic: string; text: string; correlation: string | undefined }[] = [];
    sensor.on('message', (topic, payload, { properties }: IPublishPacket) =>
      answers.push({ topic, text: payload.toString(), correlation: properties?.correlationData?.toString() }),
    );
    await sensor.subscribeAsync(['hall/+/answer', 'mine/#'], { qos: 1 });
    const door = await openMqttDoor(service, {
      broker: { url },
      clientId: 'gateway-models',
      questions: [
        { topic: 'hall/{motor}/ask', model: 'scale', format: 'json', answer: 'hall/{motor}/answer' },
        { topic: 'hall/{motor}/raw', model: 'scale', format: 'f32', answer: 'hall/{motor}/answer' },
        { topic: 'hall/{motor}/lost', model: 'nothing', format: 'f32', answer: 'hall/{motor}/answer' },
      ],
      log: { ...log, error: (fields) => internal.push(fields) },
    });
    onTestFinished(async () => {
      await door.close();
      await service.close();
    });
    const next = async (topic: string, payload: string | Buffer, properties = {}) => {
      const before = answers.length;
      await sensor.publishAsync(topic, payload, { qos: 1, properties });
      await expect.poll(() => answers.length, { timeout: 5000, interval: 5 }).toBe(before + 1);
      return answers[before];
    };
    const question = (id: string, data: readonly number[]) =>
      JSON.stringify({ id, inputs: [{ name: 'x', shape: [1, 3], datatype: 'FP32', data }] });

    const first = await next('hall/m1/ask', question('a', [1, 2, 3]));
    expect(first.topic).toBe('hall/m1/answer');
    expect(JSON.parse(first.text)).toEqual({
      model_name: 'scale',
      model_version: '1',
      id: 'a',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 3], data: [2, 4, 6] }],
    });
    const named = { responseTopic: 'mine/here', correlationData: Buffer.from('17') };
    const second = await next('hall/m2/raw', Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer), named);
    expect(second).toMatchObject({ topic: 'mine/here', correlation: '17' });
    expect(JSON.parse(second.text).outputs).toEqual([
      { name: 'y', datatype: 'FP32', shape: [2, 3], data: [2, 4, 6, 8, 10, 12] },
    ]);

    // What is wrong is the answer, and names the remedy.
    expect((await next('hall/m1/raw', Buffer.alloc(10), named)).text).toMatch(
      /inference\/invalid-request: .*3 little-endian float32/,
    );
    expect((await next('hall/m1/ask', '{"inputs":')).text).toMatch(/inference\/invalid-request/);
    expect((await next('hall/m1/lost', Buffer.alloc(12))).text).toMatch(/inference\/model-not-found/);
    // A response topic that is a question again would go round for ever: nobody is answered, and others are.
    await sensor.publishAsync('hall/m1/raw', Buffer.alloc(12), {
      qos: 1,
      properties: { responseTopic: 'hall/m1/raw' },
    });
    const last = await next('hall/m9/raw', Buffer.alloc(12));
    expect(last.topic).toBe('hall/m9/answer');
    expect(internal).toEqual([]);

    const sent = 300;
    const asked = answers.length;
    for (let at = 0; at < sent; at++)
      sensor.publish('hall/m1/ask', question(`${at}`, [at, 0, 0]), { qos: 1 });
    await expect.poll(() => answers.length, { timeout: 10_000, interval: 10 }).toBe(asked + sent);
    const ids = answers.slice(asked).map(({ text }) => {
      const { id, outputs } = JSON.parse(text);
      expect(outputs[0].data[0]).toBe(2 * Number(id));
      return Number(id);
    });
    expect(new Set(ids).size).toBe(sent);
  },
);

test.skipIf(mosquitto === undefined)(
  'Mosquitto: thousands of hostile questions are answered each, and so are sound ones in between',
  async () => {
    const { url, sensor } = await startMosquitto(mosquitto ?? '');
    const service = createInferenceService(systemClock(), { ...defaultInferenceSettings, queueMax: 1000 });
    await service.load('scale', '1', scalingModel(2));
    service.activate('scale', '1');
    const internal: unknown[] = [];
    const door = await openMqttDoor(service, {
      broker: { url },
      clientId: 'gateway-models',
      questions: (['json', 'f32'] as const).map((format) => ({
        ...{ topic: `hall/{motor}/${format}`, model: 'scale', format, answer: 'hall/{motor}/answer' },
      })),
      log: { ...log, error: (fields) => internal.push(fields) },
    });
    onTestFinished(async () => {
      await door.close();
      await service.close();
    });
    const sound = JSON.stringify({
      inputs: [{ name: 'x', shape: [1, 3], datatype: 'FP32', data: [1, 2, 3] }],
    });
    const question = fc.oneof(
      { weight: 2, arbitrary: hostilePayload },
      fc
        .tuple(fc.nat(sound.length), fc.nat(12), fc.string({ unit: 'binary', maxLength: 6 }))
        .map(([at, remove, insert]) => Buffer.from(sound.slice(0, at) + insert + sound.slice(at + remove))),
    );
    let answers = 0;
    let right = 0;
    const wrong: string[] = [];
    sensor.on('message', (topic, payload) => {
      const text = payload.toString();
      const { error, outputs } = JSON.parse(text);
      if (typeof error === 'string' && !/^inference\/[a-z-]+: ./.test(error)) wrong.push(text);
      if (topic === 'hall/good/answer' && String(outputs?.[0]?.data) === '2,4,6') right += 1;
      answers += 1;
    });
    await sensor.subscribeAsync('hall/+/answer', { qos: 1 });
    let asked = 0;
    let good = 0;
    let runs = 0;
    let before: MemoryUse | undefined;
    const batches = fuzzRuns(20);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('json', 'f32'), question), {
          minLength: 60,
          maxLength: 60,
          size: 'max',
        }),
        async (questions) => {
          if (runs++ === batches / 2) before = await memoryUse();
          for (const [index, [format, payload]] of questions.entries()) {
            sensor.publish(`hall/m/${format}`, payload, { qos: 1 });
            asked += 1;
            if (index % 10 !== 9) continue;
            sensor.publish('hall/good/json', sound, { qos: 1 });
            asked += 1;
            good += 1;
          }
          await expect.poll(() => answers, { timeout: 20_000, interval: 5 }).toBe(asked);
        },
      ),
      { numRuns: batches, endOnFailure: true },
    );
    if (before !== undefined) await checkNothingPilesUp(before);
    expect(internal).toEqual([]);
    expect(wrong).toEqual([]);
    expect(right).toBe(good);
  },
  fuzzTimeoutMs(60_000),
);
