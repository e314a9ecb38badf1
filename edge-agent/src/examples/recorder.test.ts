import { encodeMessage, SparkplugPayload } from '@starling/proto/sparkplug';
import { expect, test } from 'vitest';
import { payloadOf, storedValues, testRecorder } from '../testing/recorder.js';
import { temporaryFolder } from '../testing/small-task.js';
import { sourceOfStored } from './packing.js';
import { readRecording } from './recording.js';

const rows = {
  features: [
    { name: 'x', dataType: 'float32', shape: [], range: [-1, 1] },
    { name: 'p', dataType: 'uint8', shape: [2], range: [0, 255] },
  ],
  target: { kind: 'class', name: 'side', classes: 2 },
};
test('the same row is the same in every format', async () => {
  const made = await testRecorder(rows);
  const f32 = Buffer.alloc(12);
  [0.5, 7, 9].forEach((value, index) => {
    f32.writeFloatLE(value, 4 * index);
  });
  await made.recorder.record('s', 'json', payloadOf({ x: 0.5, p: [7, 9], side: 1 }));
  await made.recorder.record('s', 'csv', payloadOf('side,p.1,p.0,x,other\n1,9,7,0.5,abc\n'));
  await made.recorder.record('s', 'f32', f32);
  const [first, second, third] = storedValues(made);
  expect(first).toEqual({ values: [[0.5], [7, 9]], label: [1] });
  expect(second).toEqual(first);
  expect(third).toEqual({ ...first, label: undefined });
});

test('Sparkplug metrics come by name, then by alias, with signed integers', async () => {
  const made = await testRecorder({
    features: [
      { name: 'temp', dataType: 'float32', shape: [], range: [-50, 50] },
      { name: 'steps', dataType: 'int16', shape: [], range: [-1000, 1000] },
    ],
    target: { kind: 'class', name: 'on', classes: 2 },
  });
  const metric = { timestamp: 0, isNull: false };
  const birth: SparkplugPayload = {
    timestamp: 5000,
    metrics: [
      { ...metric, name: 'temp', alias: 1, datatype: 9, value: { kind: 'floatValue', value: 1.5 } },
      { ...metric, name: 'steps', alias: 2, datatype: 2, value: { kind: 'intValue', value: 0xfffffffd } },
      { ...metric, name: 'on', alias: 3, datatype: 11, value: { kind: 'booleanValue', value: true } },
      { ...metric, name: 'bdSeq', datatype: 4, value: { kind: 'longValue', value: 1 } },
    ],
  };
  const data: SparkplugPayload = {
    timestamp: 6000,
    // Neither names nor types, as the specification has them in data messages.
    metrics: birth.metrics.slice(0, 3).map(({ name: _, ...rest }) => ({ ...rest, datatype: 0 })),
  };
  // Before the birth nobody knows what it is of.
  expect(await made.recorder.record('s', 'sparkplug', encodeMessage(SparkplugPayload, data))).toMatchObject({
    accepted: 0,
    quarantined: 1,
    lacksBirth: true,
  });
  await made.recorder.record('s', 'sparkplug', encodeMessage(SparkplugPayload, birth));
  await made.recorder.record('s', 'sparkplug', encodeMessage(SparkplugPayload, data));
  const row = { values: [[1.5], [-3]], label: [1] };
  expect(storedValues(made)).toEqual([row, row]);
  expect([...made.store.examples('t', 'all')].map(({ fromMs }) => fromMs)).toEqual([5000, 6000]);
  expect(made.store.statistics('t').quarantined).toEqual({ 'sparkplug-birth-unknown': 1 });
});

test('rows that break the contract are quarantined with a reason, counted, and shown', async () => {
  const made = await testRecorder({ ...rows, missing: { x: 0.25 } });
  const sound = { x: 0, p: [0, 255], side: 0 };
  const given: readonly [object, string | undefined][] = [
    [sound, undefined],
    [{ ...sound, x: undefined }, undefined],
    [{ ...sound, p: [1] }, 'shape:p'],
    [{ ...sound, p: [1, null] }, 'missing:p'],
    [{ ...sound, p: [1, 2.5] }, 'type:p'],
    [{ ...sound, x: 1.5 }, 'range:x'],
    [{ ...sound, x: '1' }, 'type:x'],
    [{ ...sound, side: 2 }, 'label-range:side'],
    [{ ...sound, time: 'yesterday' }, 'type:time'],
    [{ ...sound, id: {} }, 'type:id'],
  ];
  for (const [row] of given) await made.recorder.record('s', 'json', payloadOf(row));
  await made.recorder.record('s', 'json', payloadOf('{'));
  const { quarantined, examples } = made.store.statistics('t');
  expect(examples).toBe(2);
  expect(storedValues(made)[1].values[0]).toEqual([0.25]);
  const reasons = given.flatMap(([, reason]) => (reason === undefined ? [] : [reason.replace('label-', '')]));
  expect(quarantined).toEqual(
    Object.fromEntries([...reasons, 'payload-not-json'].map((reason) => [reason, 1])),
  );
  expect(made.store.quarantined('t', 1)).toMatchObject([
    { reason: 'payload-not-json', source: 's', row: '{' },
  ]);
});

test('what a recording fills in must be of its feature', () => {
  const reading = (missing: object) => () => readRecording('t', { ...rows, missing }, 't.yaml');
  expect(reading({ x: -1, p: 255 })).not.toThrow();
  expect(reading({ x: 500 })).toThrow(/t\.yaml is not valid: missing\.x: 500 is outside .*\[-1, 1\]/);
  expect(reading({ p: 1.5 })).toThrow(/missing\.p: 1\.5 is no uint8/);
});

test('late labels join by id, whichever comes first, and broken ones are quarantined', async () => {
  const made = await testRecorder({ ...rows, labels: { join: 'id' } });
  await made.recorder.recordLabels('lab', 'json', payloadOf({ id: 'b', side: 1 }));
  await made.recorder.record(
    's',
    'json',
    payloadOf([
      { id: 'a', x: 0, p: [1, 2] },
      { id: 'b', x: 0, p: [3, 4] },
    ]),
  );
  await made.recorder.recordLabels(
    'lab',
    'json',
    payloadOf([{ id: 'a', side: 0 }, { id: 'a', side: 9 }, { side: 1 }]),
  );
  expect(storedValues(made).map(({ label }) => label)).toEqual([[0], [1]]);
  expect(made.store.statistics('t')).toMatchObject({
    labelled: 2,
    labelsWaiting: 0,
    quarantined: { 'label-range:side': 1, 'label-id:id': 1 },
  });
});

test('ids are texts, and no two of them become one', async () => {
  const made = await testRecorder({ ...rows, labels: { join: 'id' } });
  const csv =
    'id,x,p.0,p.1\n007,0,1,2\n7,0,3,4\n12345678901234567890,0,5,6\n12345678901234567891,0,7,8\n1e2,0,9,9\n';
  expect(await made.recorder.record('s', 'csv', payloadOf(csv))).toMatchObject({ examples: 5 });
  await made.recorder.recordLabels(
    'lab',
    'json',
    payloadOf([
      { id: '007', side: 1 },
      { id: 7, side: 0 },
    ]),
  );
  await made.recorder.recordLabels('lab', 'csv', payloadOf('id,side\n12345678901234567891,1\n'));
  expect([...made.store.examples('t', 'all')].map(({ id, label }) => [id, label?.[0]])).toEqual([
    ['007', 1],
    ['7', 0],
    ['12345678901234567890', undefined],
    ['12345678901234567891', 1],
    ['1e2', undefined],
  ]);
  // As a JSON number it has lost its last digits before anybody sees it.
  await made.recorder.record('s', 'json', payloadOf('{"id":12345678901234567890,"x":0,"p":[1,2]}'));
  await made.recorder.recordLabels('lab', 'json', payloadOf('{"id":12345678901234567890,"side":0}'));
  expect(made.store.statistics('t')).toMatchObject({
    examples: 5,
    quarantined: { 'type:id': 1, 'label-id:id': 1 },
  });
});

test('retention removes the oldest, by bytes and by age, and says how many', async () => {
  const made = await testRecorder({ ...rows, retention: { megabytes: 0.0006, days: 1 } });
  const row = { x: 0, p: [1, 2], side: 0 };
  await made.recorder.record(
    's',
    'json',
    payloadOf(Array.from({ length: 300 }, (_, id) => ({ ...row, id }))),
  );
  made.recorder.retain();
  const kept = made.store.statistics('t');
  expect(kept.bytes).toBeLessThanOrEqual(600);
  expect(kept.examples + kept.expired).toBe(300);
  expect([...made.store.examples('t', 'all')].at(-1)?.id).toBe('299');
  made.clock.advance(86_400_001);
  made.recorder.retain();
  expect(made.store.statistics('t')).toMatchObject({ examples: 0, expired: 300 });
});

test('recorded examples are a source to train from, and survive a restart', async () => {
  const folder = await temporaryFolder();
  const made = await testRecorder(rows, { folder });
  await made.recorder.record(
    's',
    'json',
    payloadOf([
      { x: 0.5, p: [1, 2], side: 1 },
      { x: -0.5, p: [3, 4] },
      { x: 1, p: [5, 6], side: 0 },
    ]),
  );
  const { store, recorder } = await testRecorder(rows, { folder });
  const source = sourceOfStored(recorder.recording.contract, store.examples('t', 'labelled'), 't');
  expect(source.count).toBe(2);
  const features = new Float32Array(6);
  source.readFeatures(Uint32Array.of(0, 1), features);
  expect([...features]).toEqual([0.5, 1, 2, 1, 5, 6]);
  const targets = new Int32Array(2);
  source.readTargets(Uint32Array.of(0, 1), targets);
  expect([...targets]).toEqual([1, 0]);
});
