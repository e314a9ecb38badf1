/**
 * Messages of the greatest size that hold as many objects as one can: run as a process with a small heap, which must store a
 * good row after each of them. Says on its standard output what became of each.
 */
import { encodeMessage, SparkplugPayload } from '@starling/proto/sparkplug';
import { systemClock } from '../adapters/system-clock.js';
import type { PayloadFormat } from '../examples/payload-formats.js';
import { createRecorder } from '../examples/recorder.js';
import { payloadBytesMax, readRecording } from '../examples/recording.js';
import { openExampleStore } from '../examples/store.js';
import { agentMigrations } from '../migrations.js';
import { openAgentDatabase } from '../state/database.js';

const [, , folder] = process.argv;
const recording = readRecording(
  't',
  {
    features: [{ name: 'x', dataType: 'float32', shape: [], range: [-1, 1] }],
    target: { kind: 'class', name: 'side', classes: 2 },
  },
  't.yaml',
);

const filled = (unit: string, prefix = '', suffix = ''): Buffer => {
  const room = payloadBytesMax - prefix.length - suffix.length;
  const times = Math.floor(room / unit.length);
  return Buffer.concat([Buffer.from(prefix), Buffer.alloc(times * unit.length, unit), Buffer.from(suffix)]);
};
const metrics = (unit: readonly number[]): Buffer =>
  Buffer.alloc(Math.floor(payloadBytesMax / unit.length) * unit.length, Uint8Array.from(unit));
/** Within the limits, and each of them another. */
const keys = (): Buffer =>
  Buffer.from(`{${Array.from({ length: 200_000 }, (_, at) => `"${at.toString(36)}":1`).join(',')}}`);
const half = Math.floor(payloadBytesMax / 2) - 16;

const bombs: readonly (readonly [name: string, format: PayloadFormat, payload: () => Buffer])[] = [
  ['objects', 'json', () => filled('{},', '[', '{}]')],
  ['lists', 'json', () => filled('[],', '{"x":[', '[]]}')],
  ['a list of numbers', 'json', () => filled('1,', '{"x":[', '1]}')],
  ['depth', 'json', () => Buffer.from(`{"x":${'['.repeat(half)}${']'.repeat(half)}}`)],
  [
    'a depth that is within the limits',
    'json',
    () => Buffer.from(`{"x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`),
  ],
  ['keys', 'json', keys],
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
];

const database = openAgentDatabase(folder, agentMigrations);
database.pragma('synchronous = OFF');
const store = openExampleStore(database);
const recorder = createRecorder(recording, store, systemClock());
for (const [index, [name, format, payload]] of bombs.entries()) {
  const { quarantined } = await recorder.record('bomb', format, payload());
  const good = await recorder.record(
    'bomb',
    'json',
    Buffer.from(JSON.stringify({ id: `good-${index}`, x: 0.5 })),
  );
  process.stdout.write(`${JSON.stringify({ name, quarantined: quarantined > 0, stored: good.examples })}\n`);
}
database.close();
