import { expect, onTestFinished, test, vi } from 'vitest';
import { payloadOf, storedValues, type TestRecorder, testRecorder } from '../testing/recorder.js';
import { temporaryFolder } from '../testing/small-task.js';
import { createRecorder } from './recorder.js';

const windows = {
  features: [{ name: 'a', dataType: 'int16', shape: [4, 2], range: [-100, 100] }],
  target: { kind: 'class', name: 'fault', classes: 3 },
  window: { size: 4, stride: 2, samplingHz: 100 },
  labels: { join: 'time' },
};

test('windows overlap by their stride, begin anew after a gap, and come once however often they are sent', async () => {
  const made = await testRecorder(windows);
  const sample = (index: number, gapMs = 0) => ({ time: 1000 + index * 10 + gapMs, a: [index, -index] });
  const first = Array.from({ length: 8 }, (_, index) => sample(index));
  const second = Array.from({ length: 5 }, (_, index) => sample(8 + index, 500));
  expect(await made.recorder.record('m1', 'json', payloadOf([...first, ...second]))).toMatchObject({
    accepted: 13,
    examples: 4,
  });
  expect(storedValues(made).map(({ values }) => values[0].filter((_, index) => index % 2 === 0))).toEqual([
    [0, 1, 2, 3],
    [2, 3, 4, 5],
    [4, 5, 6, 7],
    [8, 9, 10, 11],
  ]);
  // Another sensor has windows of its own; and the same samples again give none.
  expect((await made.recorder.record('m2', 'json', payloadOf(first.slice(0, 3)))).examples).toBe(0);
  const again = createRecorder(made.recorder.recording, made.store, made.clock);
  expect((await again.record('m1', 'json', payloadOf([...first, ...second]))).examples).toBe(0);
  expect(made.store.statistics('t').examples).toBe(4);
});

function floats(from: number, samples: number): Uint8Array {
  return new Uint8Array(Float32Array.from({ length: 2 * samples }, (_, index) => from + (index >> 1)).buffer);
}

const spans = ({ store }: Pick<TestRecorder, 'store'>) =>
  [...store.examples('t', 'all')].map(({ fromMs, toMs }) => [fromMs, toMs]);

test('samples without a time are windowed by their arrival, and a restart of the agent loses none of them', async () => {
  const folder = await temporaryFolder();
  const before = await testRecorder(windows, { folder });
  expect(await before.recorder.record('m', 'f32', floats(0, 6))).toMatchObject({ accepted: 6, examples: 2 });
  // The last sample is taken for measured when it arrived, the others each 10 ms before the next.
  expect(spans(before)).toEqual([
    [999_950, 999_980],
    [999_970, 1_000_000],
  ]);
  // The agent starts again, with another clock reading; the same bytes from the same sensor are other measurements.
  const after = await testRecorder(windows, { folder });
  after.clock.advance(5_000);
  expect(await after.recorder.record('m', 'f32', floats(0, 4))).toMatchObject({ accepted: 4, examples: 1 });
  expect(spans(after).at(-1)).toEqual([1_004_970, 1_005_000]);
  expect(spans(after)).toHaveLength(3);
  // Even within the same millisecond.
  const again = await testRecorder(windows, { folder });
  again.clock.advance(5_000);
  expect(await again.recorder.record('m', 'f32', floats(0, 4))).toMatchObject({ examples: 1 });
  expect(spans(again)).toHaveLength(4);
});

test('samples without a time go on where they are late a little, and begin anew after silence or a refused row', async () => {
  const made = await testRecorder(windows);
  await made.recorder.record('m', 'f32', floats(0, 2));
  made.clock.advance(400);
  expect(await made.recorder.record('m', 'f32', floats(2, 2))).toMatchObject({ examples: 1 });
  made.clock.advance(60_000);
  expect(await made.recorder.record('m', 'f32', floats(4, 3))).toMatchObject({ examples: 0 });
  expect(await made.recorder.record('m', 'f32', floats(7, 1))).toMatchObject({ examples: 1 });
  expect(storedValues(made).map(({ values }) => values[0].filter((_, index) => index % 2 === 0))).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ]);
  // 1,000 is out of range: no window has a hole in it.
  const broken = new Float32Array([8, 8, 1_000, 1_000, 10, 10, 11, 11]);
  const refused = await made.recorder.record('m', 'f32', new Uint8Array(broken.buffer));
  expect(refused).toEqual({ accepted: 3, quarantined: 1, examples: 0 });
  expect(await made.recorder.record('m', 'f32', floats(12, 2))).toMatchObject({ examples: 1 });
  expect(
    storedValues(made)
      .at(-1)
      ?.values[0].filter((_, index) => index % 2 === 0),
  ).toEqual([10, 11, 12, 13]);
});

test('samples without a time begin anew where they run ahead of their arrival, and not while many come at once', async () => {
  const made = await testRecorder(windows, { isHasty: true });
  const { recorder, clock } = made;
  const send = async (payloads: number, everyMs: number): Promise<void> => {
    for (let at = 0; at < payloads; at++) {
      clock.advance(everyMs);
      await recorder.record('m', 'f32', floats(0, 4));
    }
  };
  const aheadMs = () => (spans(made).at(-1)?.[1] ?? 0) - clock.now();
  // The connection was gone for a minute: what had waited comes at once, is whole, and then time is right again.
  await send(10, 40);
  clock.advance(60_000);
  const before = spans(made).length;
  await send(1_500, 0);
  expect(spans(made).length - before).toBe(2 * 1_500 - 1);
  await send(3, 40);
  expect(Math.abs(aheadMs())).toBeLessThanOrEqual(1_000);
  // A sensor that is 5 % too fast.
  await send(2_000, 38);
  expect(Math.abs(aheadMs())).toBeLessThanOrEqual(1_040);
  // The clock is put back by an hour.
  const now = clock.now();
  vi.spyOn(clock, 'now').mockImplementation(() => now - 3_600_000);
  await send(2, 40);
  expect(Math.abs(aheadMs())).toBeLessThanOrEqual(40);
});

test('labels for a time span reach the windows in it, before and after they come', async () => {
  const made = await testRecorder(windows);
  const samples = Array.from({ length: 8 }, (_, index) => ({ time: 1000 + index * 10, a: [index, 0] }));
  await made.recorder.recordLabels('m1', 'json', payloadOf({ from: 1000, to: 1050, fault: 2 }));
  await made.recorder.record('m1', 'json', payloadOf(samples));
  await made.recorder.recordLabels('m1', 'json', payloadOf({ from: 1040, to: 2000, fault: 1 }));
  await made.recorder.recordLabels('m2', 'json', payloadOf({ from: 0, to: 2000, fault: 0 }));
  expect(storedValues(made).map(({ label }) => label)).toEqual([[2], [2], [1]]);
});

test('what is too old or too much is looked for a few times, however many labels and refused rows a payload brings', async () => {
  const { recorder, store, database } = await testRecorder(
    { ...windows, labels: { join: 'time' } },
    { isHasty: true },
  );
  const run = vi.spyOn(Object.getPrototypeOf(database.prepare('SELECT 1')), 'run');
  onTestFinished(() => run.mockRestore());
  const removals = (): number =>
    run.mock.contexts.filter((statement) => /^\s*DELETE/.test((statement as { source: string }).source))
      .length;
  const label = { from: 1, to: 2, fault: 0 };
  const mixed = Array.from({ length: 2000 }, (_, at) => (at % 2 === 0 ? label : {}));
  expect(await recorder.recordLabels('s', 'json', payloadOf(mixed))).toMatchObject({
    accepted: 1000,
    quarantined: 1000,
  });
  expect(removals()).toBeLessThan(10);
  expect(store.statistics('t')).toMatchObject({ labelsWaiting: 1000 });
});
