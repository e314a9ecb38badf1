import { createVirtualClock } from '@starling/federation';
import { encodeMessage, SparkplugPayload } from '@starling/proto/sparkplug';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { agentMigrations } from '../migrations.js';
import { openAgentDatabase } from '../state/database.js';
import { temporaryFolder } from '../testing/small-task.js';
import { sourceOfStored, unpackFeatures } from './packing.js';
import { payloadFormats } from './payload-formats.js';
import { createRecorder } from './recorder.js';
import { type Recording, readRecording } from './recording.js';
import { openExampleStore } from './store.js';

const rows = {
  features: [
    { name: 'x', dataType: 'float32', shape: [], range: [-1, 1] },
    { name: 'p', dataType: 'uint8', shape: [2], range: [0, 255] },
  ],
  target: { kind: 'class', name: 'side', classes: 2 },
};
const windows = {
  features: [{ name: 'a', dataType: 'int16', shape: [4, 2], range: [-100, 100] }],
  target: { kind: 'class', name: 'fault', classes: 3 },
  window: { size: 4, stride: 2, samplingHz: 100 },
  labels: { join: 'time' },
};

async function recorder(recordingOf: object, folder?: string) {
  const recording = readRecording('t', recordingOf, 't.yaml');
  const database = openAgentDatabase(folder ?? (await temporaryFolder()), agentMigrations);
  onTestFinished(() => void database.close());
  const store = openExampleStore(database);
  const clock = createVirtualClock(1_000_000);
  return { store, clock, ...createRecorder(recording, store, clock) };
}

const bytes = (value: unknown): Uint8Array =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const valuesOf = ({
  recording,
  store,
}: {
  recording: Recording;
  store: ReturnType<typeof openExampleStore>;
}) =>
  [...store.examples('t', 'all')].map(({ features, label }) => ({
    values: unpackFeatures(recording.contract, features).map((values) => [...values]),
    label: label && [...label],
  }));

test('the same row is the same in every format', async () => {
  const made = await recorder(rows);
  const f32 = Buffer.alloc(12);
  [0.5, 7, 9].forEach((value, index) => {
    f32.writeFloatLE(value, 4 * index);
  });
  await made.record('s', 'json', bytes({ x: 0.5, p: [7, 9], side: 1 }));
  await made.record('s', 'csv', bytes('side,p.1,p.0,x,other\n1,9,7,0.5,abc\n'));
  await made.record('s', 'f32', f32);
  const [first, second, third] = valuesOf(made);
  expect(first).toEqual({ values: [[0.5], [7, 9]], label: [1] });
  expect(second).toEqual(first);
  expect(third).toEqual({ ...first, label: undefined });
});

test('Sparkplug metrics come by name, then by alias, with signed integers', async () => {
  const made = await recorder({
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
    metrics: birth.metrics.slice(0, 3).map(({ name: _, ...rest }) => ({ ...rest })),
  };
  await made.record('s', 'sparkplug', encodeMessage(SparkplugPayload, birth));
  await made.record('s', 'sparkplug', encodeMessage(SparkplugPayload, data));
  const row = { values: [[1.5], [-3]], label: [1] };
  expect(valuesOf(made)).toEqual([row, row]);
  expect([...made.store.examples('t', 'all')].map(({ fromMs }) => fromMs)).toEqual([5000, 6000]);
});

test('rows that break the contract are quarantined with a reason, counted, and shown', async () => {
  const made = await recorder({ ...rows, missing: { x: 0.25 } });
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
  for (const [row] of given) await made.record('s', 'json', bytes(row));
  await made.record('s', 'json', bytes('{'));
  const { quarantined, examples } = made.store.statistics('t');
  expect(examples).toBe(2);
  expect(valuesOf(made)[1].values[0]).toEqual([0.25]);
  const reasons = given.flatMap(([, reason]) => (reason === undefined ? [] : [reason.replace('label-', '')]));
  expect(quarantined).toEqual(
    Object.fromEntries([...reasons, 'payload-not-json'].map((reason) => [reason, 1])),
  );
  expect(made.store.quarantined('t', 1)).toMatchObject([
    { reason: 'payload-not-json', source: 's', row: '{' },
  ]);
});

test('windows overlap by their stride, begin anew after a gap, and come once however often they are sent', async () => {
  const made = await recorder(windows);
  const sample = (index: number, gapMs = 0) => ({ time: 1000 + index * 10 + gapMs, a: [index, -index] });
  const first = Array.from({ length: 8 }, (_, index) => sample(index));
  const second = Array.from({ length: 5 }, (_, index) => sample(8 + index, 500));
  expect(await made.record('m1', 'json', bytes([...first, ...second]))).toMatchObject({
    accepted: 13,
    examples: 4,
  });
  expect(valuesOf(made).map(({ values }) => values[0].filter((_, index) => index % 2 === 0))).toEqual([
    [0, 1, 2, 3],
    [2, 3, 4, 5],
    [4, 5, 6, 7],
    [8, 9, 10, 11],
  ]);
  // Another sensor has windows of its own; and the same samples again give none.
  expect((await made.record('m2', 'json', bytes(first.slice(0, 3)))).examples).toBe(0);
  const again = createRecorder(made.recording, made.store, made.clock);
  expect((await again.record('m1', 'json', bytes([...first, ...second]))).examples).toBe(0);
  expect(made.store.statistics('t').examples).toBe(4);
});

function floats(from: number, samples: number): Uint8Array {
  return new Uint8Array(Float32Array.from({ length: 2 * samples }, (_, index) => from + (index >> 1)).buffer);
}

const spans = ({ store }: { readonly store: ReturnType<typeof openExampleStore> }) =>
  [...store.examples('t', 'all')].map(({ fromMs, toMs }) => [fromMs, toMs]);

test('samples without a time are windowed by their arrival, and a restart of the agent loses none of them', async () => {
  const folder = await temporaryFolder();
  const before = await recorder(windows, folder);
  expect(await before.record('m', 'f32', floats(0, 6))).toMatchObject({ accepted: 6, examples: 2 });
  // The last sample is taken for measured when it arrived, the others each 10 ms before the next.
  expect(spans(before)).toEqual([
    [999_950, 999_980],
    [999_970, 1_000_000],
  ]);
  // The agent starts again, with another clock reading; the same bytes from the same sensor are other measurements.
  const after = await recorder(windows, folder);
  after.clock.advance(5_000);
  expect(await after.record('m', 'f32', floats(0, 4))).toMatchObject({ accepted: 4, examples: 1 });
  expect(spans(after).at(-1)).toEqual([1_004_970, 1_005_000]);
  expect(spans(after)).toHaveLength(3);
  // Even within the same millisecond.
  const again = await recorder(windows, folder);
  again.clock.advance(5_000);
  expect(await again.record('m', 'f32', floats(0, 4))).toMatchObject({ examples: 1 });
  expect(spans(again)).toHaveLength(4);
});

test('samples without a time go on where they are late a little, and begin anew after silence or a refused row', async () => {
  const made = await recorder(windows);
  await made.record('m', 'f32', floats(0, 2));
  made.clock.advance(400);
  expect(await made.record('m', 'f32', floats(2, 2))).toMatchObject({ examples: 1 });
  made.clock.advance(60_000);
  expect(await made.record('m', 'f32', floats(4, 3))).toMatchObject({ examples: 0 });
  expect(await made.record('m', 'f32', floats(7, 1))).toMatchObject({ examples: 1 });
  expect(valuesOf(made).map(({ values }) => values[0].filter((_, index) => index % 2 === 0))).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ]);
  // 1,000 is out of range: no window has a hole in it.
  const broken = new Float32Array([8, 8, 1_000, 1_000, 10, 10, 11, 11]);
  const refused = await made.record('m', 'f32', new Uint8Array(broken.buffer));
  expect(refused).toEqual({ accepted: 3, quarantined: 1, examples: 0 });
  expect(await made.record('m', 'f32', floats(12, 2))).toMatchObject({ examples: 1 });
  expect(
    valuesOf(made)
      .at(-1)
      ?.values[0].filter((_, index) => index % 2 === 0),
  ).toEqual([10, 11, 12, 13]);
});

test('labels for a time span reach the windows in it, before and after they come', async () => {
  const made = await recorder(windows);
  const samples = Array.from({ length: 8 }, (_, index) => ({ time: 1000 + index * 10, a: [index, 0] }));
  await made.recordLabels('m1', 'json', bytes({ from: 1000, to: 1050, fault: 2 }));
  await made.record('m1', 'json', bytes(samples));
  await made.recordLabels('m1', 'json', bytes({ from: 1040, to: 2000, fault: 1 }));
  await made.recordLabels('m2', 'json', bytes({ from: 0, to: 2000, fault: 0 }));
  expect(valuesOf(made).map(({ label }) => label)).toEqual([[2], [2], [1]]);
});

test('late labels join by id, whichever comes first, and broken ones are quarantined', async () => {
  const made = await recorder({ ...rows, labels: { join: 'id' } });
  await made.recordLabels('lab', 'json', bytes({ id: 'b', side: 1 }));
  await made.record(
    's',
    'json',
    bytes([
      { id: 'a', x: 0, p: [1, 2] },
      { id: 'b', x: 0, p: [3, 4] },
    ]),
  );
  await made.recordLabels('lab', 'json', bytes([{ id: 'a', side: 0 }, { id: 'a', side: 9 }, { side: 1 }]));
  expect(valuesOf(made).map(({ label }) => label)).toEqual([[0], [1]]);
  expect(made.store.statistics('t')).toMatchObject({
    labelled: 2,
    labelsWaiting: 0,
    quarantined: { 'label-range:side': 1, 'label-id:id': 1 },
  });
});

test('retention removes the oldest, by bytes and by age, and says how many', async () => {
  const made = await recorder({ ...rows, retention: { megabytes: 0.0006, days: 1 } });
  const row = { x: 0, p: [1, 2], side: 0 };
  await made.record('s', 'json', bytes(Array.from({ length: 300 }, (_, id) => ({ ...row, id }))));
  made.retain();
  const kept = made.store.statistics('t');
  expect(kept.bytes).toBeLessThanOrEqual(600);
  expect(kept.examples + kept.expired).toBe(300);
  expect([...made.store.examples('t', 'all')].at(-1)?.id).toBe('299');
  made.clock.advance(86_400_001);
  made.retain();
  expect(made.store.statistics('t')).toMatchObject({ examples: 0, expired: 300 });
});

test('recorded examples are a source to train from, and survive a restart', async () => {
  const folder = await temporaryFolder();
  const made = await recorder(rows, folder);
  await made.record(
    's',
    'json',
    bytes([
      { x: 0.5, p: [1, 2], side: 1 },
      { x: -0.5, p: [3, 4] },
      { x: 1, p: [5, 6], side: 0 },
    ]),
  );
  const { store, recording } = await recorder(rows, folder);
  const source = sourceOfStored(recording.contract, store.examples('t', 'labelled'), 't');
  expect(source.count).toBe(2);
  const features = new Float32Array(6);
  source.readFeatures(Uint32Array.of(0, 1), features);
  expect([...features]).toEqual([0.5, 1, 2, 1, 5, 6]);
  const targets = new Int32Array(2);
  source.readTargets(Uint32Array.of(0, 1), targets);
  expect([...targets]).toEqual([1, 0]);
});

test('thousands of hostile payloads: each row is stored or counted, none is lost, and sound ones still come in', async () => {
  const made = await recorder(rows);
  const spanned = await recorder(windows);
  let refused = 0;
  const sound = bytes([{ id: 'z', x: 0, p: [1, 2], side: 1 }]);
  const payloads = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.json().map(bytes),
    fc
      .record({
        x: fc.anything(),
        p: fc.anything(),
        time: fc.anything(),
        id: fc.anything(),
        side: fc.anything(),
      })
      .map((row) => bytes(JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? 1 : value)) ?? '')),
    fc
      .tuple(fc.nat(sound.length - 1), fc.nat(255))
      .map(([at, byte]) => Uint8Array.from(sound).with(at, byte)),
    fc.string({ unit: fc.constantFrom('x', 'p.0', 'p.1', 'side', ',', '\n', '"', '1', '-', '.') }).map(bytes),
  );
  const cases = fc.sample(fc.tuple(fc.constantFrom(...payloadFormats), payloads, fc.boolean()), {
    numRuns: 3000,
    seed: 11,
  });
  let stored = 0;
  await Promise.all(
    cases.map(async ([format, payload, labels]) => {
      const done = await (labels ? made.recordLabels : made.record)('s', format, payload);
      stored += done.examples;
      refused += done.quarantined;
      await spanned.record('m', format, payload);
    }),
  );
  const statistics = made.store.statistics('t');
  expect(statistics.examples).toBe(stored);
  expect(Object.values(statistics.quarantined).reduce((sum, count) => sum + count, 0)).toBe(refused);
  expect(refused).toBeGreaterThan(1000);
  for (const { values } of valuesOf(made)) {
    expect(Math.abs(values[0][0])).toBeLessThanOrEqual(1);
  }
  expect((await made.record('s', 'json', bytes({ x: 0, p: [1, 2] }))).examples).toBe(1);
});
