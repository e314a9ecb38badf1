import { connectAsync } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { createSystemClock } from '../adapters/index.js';
import { topicsOf } from './definitions.js';
import { checkHallOptions } from './options.js';
import { panelLines } from './panels.js';
import { axisByAxis, heldOutWindows, makeMotors, windowSize, windowsOfBurst } from './plant.js';
import { startSensorBroker, startSensors } from './sensor-network.js';
import { axes, conditions } from './vibration.js';

const options = { gateways: 3, motors: 3, minutes: 2, rounds: 5, seed: 1, folder: undefined, json: false };

test.each([
  [{ gateways: 2 }, '--gateways must be a whole number from 3 to 16'],
  [{ motors: 0 }, '--motors'],
  [{ minutes: 0.1 }, '--minutes must be from 0.2'],
  [{ minutes: Number.NaN }, '--minutes'],
  [{ rounds: 1.5 }, '--rounds'],
  [{ seed: -1 }, '--seed'],
])('refuses %j', (changes, sentence) => {
  expect(() => checkHallOptions({ ...options, ...changes })).toThrow(sentence);
});

test('every fault is somewhere in the hall, no gateway has all of them, and the seed decides it', () => {
  const hall = makeMotors(3, 3, 1, 10);
  expect(new Set(hall.flat().map(({ fault }) => fault)).size).toBe(conditions.length);
  for (const own of hall) expect(new Set(own.map(({ fault }) => fault)).size).toBeLessThan(conditions.length);
  expect(makeMotors(3, 3, 1, 10)).toEqual(hall);
  expect(makeMotors(3, 3, 2, 10)).not.toEqual(hall);
  const { features, labels } = heldOutWindows(2, 1);
  expect(features).toHaveLength(labels.length * axes.length * windowSize);
  expect([...labels].sort()).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
  expect([...axisByAxis(Float64Array.from({ length: 12 }, (_, at) => at))]).toEqual([
    0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11,
  ]);
});

test('sensors publish what they count, label it, ask, and know a right answer from a wrong one and an error', async () => {
  const broker = await startSensorBroker();
  onTestFinished(() => broker.close());
  const gateway = await connectAsync(broker.url, { protocolVersion: 4 });
  onTestFinished(() => gateway.endAsync());
  const seen = new Map<string, string[]>();
  const answers = [
    '{"outputs":[{"data":[9,1,1,1,1,1]}]}',
    '{"outputs":[{"data":[1,9,1,1,1,1]}]}',
    '{"error":"x"}',
  ];
  gateway.on('message', (topic, payload) => {
    const kind = topic.split('/').at(-1) ?? '';
    seen.set(kind, [...(seen.get(kind) ?? []), payload.toString('latin1')]);
    if (kind !== 'question') return;
    const at = (seen.get('question')?.length ?? 1) - 1;
    gateway.publish(topicsOf('g', 'motor-1').answer, answers[at] ?? answers[2], { qos: 1 });
  });
  await gateway.subscribeAsync('hall/g/#', { qos: 1 });
  const motors = makeMotors(1, 1, 1, 1e6)[0];
  const sensors = await startSensors(broker.url, new Map([['g', motors]]), createSystemClock());
  sensors.ask(true);
  await expect.poll(() => sensors.counts.answers, { timeout: 5000, interval: 20 }).toBe(3);
  await sensors.stop();
  const { counts } = sensors;
  expect(counts).toMatchObject({ right: 1, refused: 1, samples: 512 * counts.bursts });
  expect(counts.windows).toBe(windowsOfBurst * counts.bursts);
  await expect.poll(() => seen.get('condition')?.length).toBe(counts.bursts);
  const bursts = (seen.get('vibration') ?? []).filter((text) => text.split('\n').length > 100);
  expect(bursts).toHaveLength(counts.bursts);
  const [header, first] = bursts[0].split('\n');
  expect(header).toBe('time,ax,ay,az,gx,gy,gz');
  const label = JSON.parse(seen.get('condition')?.[0] ?? '');
  expect(label).toMatchObject({ condition: 0, from: Number(first.split(',')[0]) });
  expect(seen.get('question')?.[0]).toHaveLength(4 * 6 * windowSize);

  const lines = panelLines(
    {
      phase: 'p',
      training: 't',
      counts,
      motors: sensors.views,
      gateways: [{ name: 'g', state: 'records', serves: 'vibration 1', telemetry: 7 }],
    },
    '0:01',
    40,
  );
  expect(lines.every((line) => line.length <= 40)).toBe(true);
  expect(lines.join('\n')).toMatch(/motor-1 .*rpm/);
});
