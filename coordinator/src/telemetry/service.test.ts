import { deflateRawSync } from 'node:zlib';
import { createVirtualClock } from '@starling/federation';
import { encodeMessage, TelemetryRecords } from '@starling/proto';
import type Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabaseFile } from '../storage/index.js';
import { temporaryFolder } from '../testing/coordinator-fixture.js';
import { deviceId } from '../testing/values.js';
import { startTelemetry, type TelemetryOptions } from './service.js';

test('where old telemetry cannot be removed, as on a full disk, the coordinator goes on, and removes it later', async () => {
  const clock = createVirtualClock();
  let database: Database.Database | undefined;
  const warnings: string[] = [];
  const telemetry = await startTelemetry({
    folder: await temporaryFolder(),
    transport: { kind: 'grpc' },
    openDatabase(path) {
      database = openDatabaseFile(path);
      return database;
    },
    host: '127.0.0.1',
    // It is the gRPC server that knows its callers.
    identity: {} as TelemetryOptions['identity'],
    keptBytesMax: 0,
    clock,
    log: { info() {}, warn: (_fields, message) => void warnings.push(message) },
  });
  onTestFinished(() => telemetry.close());
  const record = { timeUnixMs: 5, name: 'a', attributes: [], value: undefined };
  const plain = encodeMessage(TelemetryRecords, { records: [record] });
  await telemetry.inbox.take(deviceId('gateway'), {
    ...{ stream: 'readings', epoch: '00000000000000ab', firstSequence: 0, recordCount: 1, losses: [] },
    records: deflateRawSync(plain),
    recordsBytes: plain.byteLength,
  });
  const all = { deviceId: undefined, stream: undefined, name: undefined, fromMs: 0, toMs: 1e15 };
  database?.exec(`
    CREATE TEMP TRIGGER disk_full BEFORE DELETE ON telemetry_segments
    BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`);
  clock.advance(60_000);
  expect(warnings).toEqual([expect.stringMatching(/make room on the coordinator/)]);
  expect([...telemetry.store.query(all)]).toHaveLength(1);
  database?.exec('DROP TRIGGER temp.disk_full');
  clock.advance(60_000);
  expect([...telemetry.store.query(all)]).toEqual([]);
});
