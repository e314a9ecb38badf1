import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSeededEntropy } from '@starling/federation';
import { decodeMessage, type TelemetryLoss, type TelemetryRecord, TelemetryRecords } from '@starling/proto';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { type AgentDatabase, openAgentDatabase } from '../state/database.js';
import { openTelemetryBuffer, type TelemetryBuffer } from './buffer.js';
import { telemetryMigrations } from './buffer-tables.js';
import { createLosses, type Losses } from './losses.js';
import { splitIntoSegments } from './segments.js';
import { defaultTelemetry, type StreamSettings } from './streams.js';

const streams: readonly StreamSettings[] = [
  { name: 'alarms', priority: 'high', timeToLiveMs: null },
  { name: 'readings', priority: 'low', timeToLiveMs: 1_000 },
];

function open(
  budgetBytes: number,
  folder = temporaryFolder(),
  lose: (losses: Losses) => void = () => {},
): TelemetryBuffer {
  const database = openAgentDatabase(folder, telemetryMigrations);
  lostBefore(database, lose);
  onTestFinished(() => void database.close());
  return openTelemetryBuffer(database, { ...defaultTelemetry, streams, budgetBytes }, createSeededEntropy(1));
}

/** As if so much had been given up of streams over time, without writing each record. */
function lostBefore(database: AgentDatabase, lose: (losses: Losses) => void): void {
  database.transaction(() => lose(createLosses(database)))();
  database.exec(`INSERT OR IGNORE INTO telemetry_streams (stream, epoch, next_sequence, acknowledged)
    SELECT stream, '0123456789abcdef', MAX(end_sequence), 0 FROM telemetry_losses GROUP BY stream`);
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'starling-buffer-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function records(first: number, count: number, text = ''): readonly TelemetryRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    timeUnixMs: first + index,
    name: 'r',
    attributes: [],
    value: text === '' ? { kind: 'number', value: first + index } : { kind: 'text', value: text },
  }));
}

function readAll(buffer: TelemetryBuffer, stream: string, from = 0): number[] {
  const numbers: number[] = [];
  for (let at = from; ; ) {
    const { firstSequence, recordCount, records: encoded } = buffer.read(stream, at, 10_000);
    if (recordCount === 0) return numbers;
    const decoded = decodeMessage(TelemetryRecords, encoded).records;
    expect(decoded).toHaveLength(recordCount);
    numbers.push(...decoded.map((_, index) => firstSequence + index));
    at = firstSequence + recordCount;
  }
}

test('what is written is there after the process is gone, under the same numbers', () => {
  const folder = temporaryFolder();
  const before = open(1 << 20, folder);
  before.write(new Map([['readings', records(0, 600)]]), 0);
  before.write(new Map([['readings', records(600, 10)]]), 0);
  const after = open(1 << 20, folder);
  expect(after.positions()).toEqual(before.positions());
  expect(after.bytes).toBe(before.bytes);
  expect(readAll(after, 'readings')).toEqual(Array.from({ length: 610 }, (_, index) => index));
});

test('a watermark deletes what it passed and nothing else', () => {
  const buffer = open(1 << 20);
  buffer.write(
    new Map([
      ['readings', records(0, 600)],
      ['alarms', records(0, 1)],
    ]),
    0,
  );
  const [, { epoch }] = buffer.positions();
  expect(buffer.acknowledge('readings', epoch, 256)).toMatchObject({ acknowledged: 256, next: 600 });
  expect(readAll(buffer, 'readings')[0]).toBe(256);
  // Within a segment: it is sent again whole, and the receiver drops what it has.
  buffer.acknowledge('readings', epoch, 300);
  expect(readAll(buffer, 'readings', 300)[0]).toBe(256);
  expect(buffer.acknowledge('readings', 'another epoch 00', 600).acknowledged).toBe(300);
  buffer.acknowledge('readings', epoch, 600);
  expect(readAll(buffer, 'readings')).toEqual([]);
  expect(readAll(buffer, 'alarms')).toEqual([0]);
});

test('beyond the budget the oldest of the lowest priority goes, and is reported', () => {
  const buffer = open(64 * 1024);
  buffer.write(new Map([['alarms', records(0, 100)]]), 0);
  for (let at = 0; at < 20_000; at += 500) buffer.write(new Map([['readings', records(at, 500)]]), 0);
  expect(buffer.bytes).toBeLessThanOrEqual(64 * 1024);
  expect(readAll(buffer, 'alarms')).toHaveLength(100);
  const kept = readAll(buffer, 'readings');
  const { losses } = buffer.read('readings', 0, 1);
  expect(losses).toEqual([{ firstSequence: 0, endSequence: kept[0], reason: 'budget' }]);
  expect(kept.at(-1)).toBe(19_999);
  // Something that matters more than all of it takes its place.
  buffer.write(new Map([['alarms', records(100, 1_000, 'x'.repeat(50))]]), 0);
  expect(readAll(buffer, 'readings').length).toBeLessThan(kept.length);
});

test('what is too old goes, and is reported as such', () => {
  const buffer = open(1 << 20);
  buffer.write(
    new Map([
      ['readings', records(0, 10)],
      ['alarms', records(0, 10)],
    ]),
    0,
  );
  buffer.write(new Map([['readings', records(10, 10)]]), 900);
  buffer.expire(1_500);
  expect(readAll(buffer, 'readings')[0]).toBe(10);
  expect(buffer.read('readings', 0, 1).losses).toEqual([
    { firstSequence: 0, endSequence: 10, reason: 'expired' },
  ]);
  expect(readAll(buffer, 'alarms')).toHaveLength(10);
});

test('a coordinator that knows more than the buffer makes it number anew; one that knows less is told what is gone', () => {
  const buffer = open(1 << 20);
  buffer.write(new Map([['alarms', records(0, 10)]]), 0);
  const [{ epoch }] = buffer.positions();
  buffer.acknowledge('alarms', epoch, 4);
  const moved = buffer.acknowledge('alarms', epoch, 50);
  expect(moved).toMatchObject({ acknowledged: 0, next: 6 });
  expect(moved.epoch).not.toBe(epoch);

  const other = open(1 << 20);
  other.write(new Map([['alarms', records(0, 300)]]), 0);
  const [{ epoch: known }] = other.positions();
  other.acknowledge('alarms', known, 256);
  expect(other.acknowledge('alarms', known, 0)).toMatchObject({ acknowledged: 0, next: 300 });
  expect(other.read('alarms', 0, 1).losses).toEqual([
    { firstSequence: 0, endSequence: 256, reason: 'forgotten' },
  ]);
});

test('more losses than one batch tells go in parts, of the numbers that no batch before them told', () => {
  const buffer = open(4 << 20, temporaryFolder(), (losses) => {
    for (let n = 0; n < 2_500; n += 1)
      losses.add('readings', 2 * n, 2 * n + 2, n % 2 === 0 ? 'budget' : 'expired');
  });
  buffer.write(new Map([['readings', records(5_000, 10)]]), 0);
  const told: TelemetryLoss[] = [];
  for (let at = 0; ; ) {
    const { firstSequence, recordCount, losses } = buffer.read('readings', at, 1 << 20);
    expect(losses.length).toBeLessThanOrEqual(1_024);
    told.push(...losses);
    at = firstSequence + recordCount;
    if (recordCount > 0) break;
    // What a receiver that had everything up to here can pass over.
    expect(losses.at(-1)?.endSequence).toBe(firstSequence);
  }
  expect(told).toEqual(
    Array.from({ length: 2_500 }, (_, n) => ({
      firstSequence: 2 * n,
      endSequence: 2 * n + 2,
      reason: n % 2 === 0 ? 'budget' : 'expired',
    })),
  );
});

test('losses beyond their part of the budget are told with the same numbers, the oldest without their reasons', () => {
  const buffer = open(64 * 1024, temporaryFolder(), (losses) => {
    for (let n = 0; n < 1_000; n += 1) losses.add('readings', n, n + 1, n % 2 === 0 ? 'budget' : 'expired');
    losses.add('alarms', 0, 7, 'budget');
  });
  buffer.write(new Map([['readings', records(1_000, 1)]]), 0);
  const { losses, firstSequence } = buffer.read('readings', 0, 1);
  expect(firstSequence).toBe(1_000);
  expect(losses.length).toBeLessThan(64);
  expect(losses[0]).toMatchObject({ firstSequence: 0, reason: 'unspecified' });
  for (const [index, { endSequence }] of losses.entries()) {
    expect(endSequence).toBe(losses[index + 1]?.firstSequence ?? 1_000);
  }
  expect(
    losses
      .slice(1)
      .map(({ firstSequence: first, reason }) => reason === (first % 2 === 0 ? 'budget' : 'expired')),
  ).not.toContain(false);
  expect(losses.length).toBeGreaterThan(20);
  expect(buffer.read('alarms', 0, 1).losses).toEqual([
    { firstSequence: 0, endSequence: 7, reason: 'budget' },
  ]);
});

test('a loss that the coordinator knows in part is told without that part, and does not overlap what comes later', () => {
  const buffer = open(1 << 20);
  buffer.write(new Map([['readings', records(0, 10)]]), 0);
  buffer.expire(1_500);
  const [{ epoch }] = buffer.positions();
  buffer.acknowledge('readings', epoch, 4);
  expect(buffer.read('readings', 4, 1).losses).toEqual([
    { firstSequence: 4, endSequence: 10, reason: 'expired' },
  ]);
  // The coordinator's store is an older copy.
  buffer.acknowledge('readings', epoch, 1);
  expect(buffer.read('readings', 1, 1).losses).toEqual([
    { firstSequence: 1, endSequence: 4, reason: 'forgotten' },
    { firstSequence: 4, endSequence: 10, reason: 'expired' },
  ]);
});

test('a write that fails leaves everything as it was', () => {
  const buffer = open(1 << 20);
  buffer.write(new Map([['alarms', records(0, 5)]]), 0);
  const { bytes } = buffer;
  const broken = [{ ...records(5, 1)[0], timeUnixMs: -1 }];
  expect(() =>
    buffer.write(
      new Map([
        ['readings', records(0, 5)],
        ['alarms', broken],
      ]),
      0,
    ),
  ).toThrow(RangeError);
  expect(buffer.bytes).toBe(bytes);
  expect(buffer.positions().map(({ stream, next }) => [stream, next])).toEqual([['alarms', 5]]);
});

test('segments keep every record, in order, and fit into a batch', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 600 });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const given = lengths.map((length, index) => ({
        ...records(index, 1)[0],
        value: { kind: 'text', value: 'é'.repeat(length) } as const,
      }));
      const segments = splitIntoSegments(given);
      expect(segments.flat()).toEqual(given);
      for (const segment of segments) expect(segment.length).toBeLessThanOrEqual(256);
    }),
    { numRuns: 20 },
  );
});
