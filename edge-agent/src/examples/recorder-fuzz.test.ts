import fc from 'fast-check';
import { expect, test } from 'vitest';
import { payloadOf, refusedRows, storedValues, testRecorder } from '../testing/recorder.js';
import { payloadFormats } from './payload-formats.js';

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

test('thousands of hostile payloads: each row is stored or counted, none is lost, and sound ones still come in', async () => {
  const made = await testRecorder(rows);
  const spanned = await testRecorder(windows);
  let refused = 0;
  const sound = payloadOf([{ id: 'z', x: 0, p: [1, 2], side: 1 }]);
  const payloads = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.json().map(payloadOf),
    fc
      .record({
        x: fc.anything(),
        p: fc.anything(),
        time: fc.anything(),
        id: fc.anything(),
        side: fc.anything(),
      })
      .map((row) =>
        payloadOf(JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? 1 : value)) ?? ''),
      ),
    fc
      .tuple(fc.nat(sound.length - 1), fc.nat(255))
      .map(([at, byte]) => Uint8Array.from(sound).with(at, byte)),
    fc
      .string({ unit: fc.constantFrom('x', 'p.0', 'p.1', 'side', ',', '\n', '"', '1', '-', '.') })
      .map(payloadOf),
  );
  const cases = fc.sample(fc.tuple(fc.constantFrom(...payloadFormats), payloads, fc.boolean()), {
    numRuns: 3000,
    seed: 11,
  });
  let stored = 0;
  await Promise.all(
    cases.map(async ([format, payload, labels]) => {
      const done = await (labels ? made.recorder.recordLabels : made.recorder.record)('s', format, payload);
      stored += done.examples;
      refused += done.quarantined;
      await spanned.recorder.record('m', format, payload);
    }),
  );
  expect(made.store.statistics('t').examples).toBe(stored);
  expect(refusedRows(made.store)).toBe(refused);
  expect(refused).toBeGreaterThan(1000);
  for (const { values } of storedValues(made)) {
    expect(Math.abs(values[0][0])).toBeLessThanOrEqual(1);
  }
  expect((await made.recorder.record('s', 'json', payloadOf({ x: 0, p: [1, 2] }))).examples).toBe(1);
});
