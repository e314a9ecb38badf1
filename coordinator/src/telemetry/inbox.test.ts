import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { encodeMessage, type TelemetryBatch, type TelemetryRecord, TelemetryRecords } from '@starling/proto';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { DeviceId } from '../ids.js';
import { deviceId } from '../testing/values.js';
import { createTelemetryInbox } from './inbox.js';
import { openTelemetryStore } from './sqlite-store.js';

const device = deviceId('gateway');

function open() {
  const folder = mkdtempSync(join(tmpdir(), 'starling-inbox-'));
  const store = openTelemetryStore(join(folder, 'telemetry.db'));
  onTestFinished(() => {
    store.close();
    rmSync(folder, { recursive: true });
  });
  return { store, inbox: createTelemetryInbox(store, () => 5) };
}

function record(number: number, text = ''): TelemetryRecord {
  return {
    timeUnixMs: 1_000 + number,
    name: number % 2 === 0 ? 'even' : 'odd',
    attributes: [],
    value: text === '' ? { kind: 'number', value: number } : { kind: 'text', value: text },
  };
}

function batch(firstSequence: number, records: readonly TelemetryRecord[]): TelemetryBatch {
  const plain = encodeMessage(TelemetryRecords, { records });
  return {
    stream: 'readings',
    epoch: '00000000000000ab',
    firstSequence,
    recordCount: records.length,
    losses: [],
    records: deflateRawSync(plain),
    recordsBytes: plain.byteLength,
  };
}

const everything = { deviceId: undefined, stream: undefined, name: undefined, fromMs: 0, toMs: 1e15 };

test('batches that come together are taken in the order in which they came, however long each takes to unpack', async () => {
  const { inbox, store } = open();
  const large = Array.from({ length: 20_000 }, (_, index) => record(index));
  const batches = [batch(0, large), batch(20_000, [record(20_000)]), batch(20_001, [record(20_001)])];
  const watermarks = await Promise.all(batches.map((one) => inbox.take(device, one)));
  expect(watermarks.map(({ nextSequence }) => nextSequence)).toEqual([20_000, 20_001, 20_002]);
  expect([...store.query(everything)].map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: 20_002 }, (_, index) => index),
  );
});

test('a query finds by device, stream, name and time, and what was removed for room is no longer there', async () => {
  const { inbox, store } = open();
  await inbox.take(
    device,
    batch(
      0,
      [0, 1, 2, 3].map((number) => record(number)),
    ),
  );
  await inbox.take(deviceId('other'), batch(0, [record(9)]));
  const numbers = (query: Partial<typeof everything> & { readonly deviceId?: DeviceId }) =>
    [...store.query({ ...everything, ...query })].map(({ sequence }) => sequence);
  expect(numbers({ name: 'odd' as never, deviceId: device as never })).toEqual([1, 3]);
  expect(numbers({ fromMs: 1_001, toMs: 1_003 })).toEqual([1, 2]);
  expect(numbers({ stream: 'nothing' as never })).toEqual([]);
  expect(store.shrink(1)).toBe(5);
  expect(numbers({})).toEqual([]);
  // Its numbers stay taken.
  expect(await inbox.take(device, batch(0, [record(0)]))).toMatchObject({ nextSequence: 4 });
});

test('what is no sound batch is refused by name and changes nothing', async () => {
  const { inbox, store } = open();
  const sound = batch(0, [record(0)]);
  const broken: readonly [string, TelemetryBatch][] = [
    ['stream', { ...sound, stream: '../x' }],
    ['epoch', { ...sound, epoch: 'none' }],
    ['record_count', { ...sound, recordCount: 100_000 }],
    ['holds 1 records', { ...sound, recordCount: 2 }],
    ['bytes', { ...sound, recordsBytes: sound.recordsBytes - 1 }],
    ['bytes', { ...sound, recordsBytes: sound.recordsBytes + 1 }],
    ['raw deflate', { ...sound, records: Buffer.from('not compressed at all') }],
    ['losses', { ...sound, losses: [{ firstSequence: 5, endSequence: 5, reason: 'budget' }] }],
    ['too large', { ...sound, firstSequence: Number.MAX_SAFE_INTEGER }],
    // A kilobyte that would become a gigabyte.
    ['raw deflate', { ...sound, records: deflateRawSync(Buffer.alloc(1 << 24)), recordsBytes: 1 << 10 }],
  ];
  for (const [what, one] of broken) {
    await expect(inbox.take(device, one), what).rejects.toMatchObject({
      code: 'TELEMETRY_INVALID',
      message: expect.stringContaining(what),
    });
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat(300), async (records, recordsBytes) => {
      const taken = inbox.take(device, { ...sound, records, recordsBytes });
      await expect(taken).rejects.toMatchObject({ code: 'TELEMETRY_INVALID' });
    }),
    { numRuns: 200 },
  );
  expect(store.streams(undefined)).toEqual([]);
  expect(await inbox.take(device, sound)).toMatchObject({ nextSequence: 1 });
});
