/**
 * Messages of the greatest size that hold as many objects as one can: run as a process with a small heap, which must store a
 * good row after each of them. Says on its standard output what became of each.
 */
import { encodeMessage, SparkplugPayload } from '@starling/proto/sparkplug';
import { systemClock } from '../adapters/system-clock.js';
import type { PayloadFormat } from '../examples/payload-formats.js';
import { createRecorder } from '../examples/recorder.js';
import { payloadBytesMax, type Recording, readRecording, rowsMax } from '../examples/recording.js';
import { openExampleStore } from '../examples/store.js';
import { agentMigrations } from '../migrations.js';
import { openAgentDatabase } from '../state/database.js';

const [, , folder] = process.argv;
const x = { name: 'x', dataType: 'float32', shape: [], range: [-1, 1] };
const recordingOf = (features: readonly object[], missing = {}): Recording =>
  readRecording('t', { features, missing, target: { kind: 'class', name: 'side', classes: 2 } }, 't.yaml');
const narrow = recordingOf([x]);
/** A good row has no image: what of that length is made of a short row is the question. */
const wide = (elements: number): Recording =>
  recordingOf([x, { ...x, name: 'image', shape: [elements] }], { image: 0 });
const many = (features: number): Recording =>
  recordingOf(
    [x, ...Array.from({ length: features }, (_, at) => ({ ...x, name: `f${at}` }))],
    Object.fromEntries(Array.from({ length: features }, (_, at) => [`f${at}`, 0])),
  );

const filled = (unit: string, prefix = '', suffix = '', most = Number.POSITIVE_INFINITY): Buffer => {
  const room = payloadBytesMax - prefix.length - suffix.length;
  const times = Math.min(most, Math.floor(room / unit.length));
  return Buffer.concat([Buffer.from(prefix), Buffer.alloc(times * unit.length, unit), Buffer.from(suffix)]);
};
const metrics = (unit: readonly number[]): Buffer =>
  Buffer.alloc(Math.floor(payloadBytesMax / unit.length) * unit.length, Uint8Array.from(unit));
/** Like `filled`, with another text for each `00000`; made without lists, which would fill the heap themselves. */
const distinct = (unit: string, prefix: string, suffix: string, count: number): Buffer => {
  const payload = filled(unit, prefix, suffix, count);
  const place = prefix.length + unit.indexOf('00000');
  for (let at = 0; at < count; at++) {
    payload.write(at.toString(36).padStart(5, '0'), place + at * unit.length, 'latin1');
  }
  return payload;
};
/** A header with all columns of the image but the first so many, and rows of it. */
const table = (columns: number, lacking: number, rows: number): Buffer => {
  const names = Array.from({ length: columns - lacking }, (_, at) => `image.${at + lacking}`);
  const line = `${names.map(() => '1').join(',')}\n`;
  return Buffer.from(`x,${names.join(',')}\n${`2,${line}`.repeat(rows)}`);
};
const half = Math.floor(payloadBytesMax / 2) - 16;

type Bomb = readonly [name: string, format: PayloadFormat, payload: () => Buffer, of?: Recording];

const bombs: readonly Bomb[] = [
  ['objects', 'json', () => filled('{},', '[', '{}]')],
  ['lists', 'json', () => filled('[],', '{"x":[', '[]]}')],
  ['a list of numbers', 'json', () => filled('1,', '{"x":[', '1]}')],
  ['depth', 'json', () => Buffer.from(`{"x":${'['.repeat(half)}${']'.repeat(half)}}`)],
  [
    'a depth that is within the limits',
    'json',
    () => Buffer.from(`{"x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`),
  ],
  ['keys', 'json', () => distinct('"00000":1,', '{', '"x":1}', 1_000_000)],
  ['texts', 'json', () => distinct('"00000",', '{"x":[', '""]}', 2_000_000)],
  ['rows of JSON lines', 'json', () => filled('{}\n')],
  ['a text', 'json', () => filled('a', '{"x":"', '"}')],
  ['an id', 'json', () => filled('a', '{"x":0,"id":"', '"}')],
  ['columns', 'csv', () => filled('x,', '', 'x\n1')],
  ['rows', 'csv', () => filled('1\n', 'x\n')],
  ['cells', 'csv', () => filled(`${','.repeat(99)}\n`, `${','.repeat(99)}\n`)],
  ['quotes', 'csv', () => filled('"",', '"x","', '"\n')],
  ['rows of one number', 'f32', () => Buffer.alloc(payloadBytesMax)],
  ['metrics without anything', 'sparkplug', () => metrics([0x12, 0x00])],
  ['metrics with an alias', 'sparkplug', () => metrics([0x12, 0x02, 0x10, 0x07])],
  [
    'a metric’s name',
    'sparkplug',
    () =>
      Buffer.from(
        encodeMessage(SparkplugPayload, {
          timestamp: 1,
          metrics: [
            {
              name: 'n'.repeat(half),
              alias: 1,
              timestamp: 0,
              datatype: 9,
              isNull: false,
              value: { kind: 'floatValue', value: 1 },
            },
          ],
        }),
      ),
  ],
  ['bytes of nothing', 'sparkplug', () => Buffer.alloc(payloadBytesMax, 0xff)],
  ['one column of 784', 'csv', () => filled('1\n', 'image.0\n', '', rowsMax), wide(784)],
  ['one column of 150,528', 'csv', () => filled('1\n', 'image.0\n', '', rowsMax), wide(150_528)],
  ['all columns but one', 'csv', () => table(65_000, 1, 31), wide(65_000)],
  ['rows without 784', 'csv', () => filled('0\n', 'x\n', '', 6000), wide(784)],
  ['rows without 150,528', 'json', () => filled('{"x":0},', '[', '{"x":0}]', 100), wide(150_528)],
  ['lists of one', 'json', () => filled('{"image":[1]},', '[', '{"image":[1]}]', 60_000), wide(784)],
  ['a list too long', 'json', () => filled('1,', '{"x":0,"image":[', '1]}', 4_000_000), wide(150_528)],
  ['lists in a list', 'json', () => filled('[],', '{"x":0,"image":[', '[]]}', 260_000), wide(784)],
  ['rows of many', 'f32', () => Buffer.alloc(4 * 1001 * 2000, 0x7f), many(1000)],
  ['metrics without a row', 'sparkplug', () => metrics([0x12, 0x00]).subarray(0, 130_000), wide(150_528)],
];

const database = openAgentDatabase(folder, agentMigrations);
database.pragma('synchronous = OFF');
const store = openExampleStore(database);
for (const [index, [name, format, payload, recording = narrow]] of bombs.entries()) {
  const recorder = createRecorder(recording, store, systemClock());
  const { quarantined } = await recorder.record('bomb', format, payload());
  const good = await recorder.record(
    'bomb',
    'json',
    Buffer.from(JSON.stringify({ id: `good-${index}`, x: 0.5 })),
  );
  process.stdout.write(`${JSON.stringify({ name, quarantined: quarantined > 0, stored: good.examples })}\n`);
}
database.close();
