/** Telemetry in a SQLite file of its own: it grows and shrinks by itself, and writes of rounds do not wait for it. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { decodeMessage, TelemetryRecords } from '@starling/proto';
import type { DeviceId } from '../ids.js';
import { type OpenDatabase, openDatabaseFile } from '../storage/index.js';
import type { LossReason } from './receive.js';
import type { StreamStatus, TelemetryStore, TelemetryWriter } from './store.js';

const tables = `
  CREATE TABLE IF NOT EXISTS telemetry_streams (
    device_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    epoch TEXT NOT NULL,
    next_sequence INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (device_id, stream, epoch)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS telemetry_segments (
    id INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    epoch TEXT NOT NULL,
    first_sequence INTEGER NOT NULL,
    record_count INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    received_at_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    records BLOB NOT NULL
  );
  CREATE UNIQUE INDEX IF NOT EXISTS telemetry_segments_numbers
    ON telemetry_segments (device_id, stream, epoch, first_sequence);
  CREATE INDEX IF NOT EXISTS telemetry_segments_times ON telemetry_segments (from_ms);
  CREATE TABLE IF NOT EXISTS telemetry_losses (
    device_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    epoch TEXT NOT NULL,
    first_sequence INTEGER NOT NULL,
    end_sequence INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (device_id, stream, epoch, first_sequence)
  ) WITHOUT ROWID;`;

/** Opens or creates the store at `path`; every write is durable when it returns. */
export function openTelemetryStore(
  path: string,
  openDatabase: OpenDatabase = openDatabaseFile,
): TelemetryStore {
  const database = openDatabase(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(tables);
  const ofStream = 'device_id = ? AND stream = ? AND epoch = ?';
  const next = database
    .prepare<[string, string, string], number>(
      `SELECT next_sequence FROM telemetry_streams WHERE ${ofStream}`,
    )
    .pluck();
  const move = database.prepare<[string, string, string, number, number]>(
    'INSERT OR REPLACE INTO telemetry_streams (device_id, stream, epoch, next_sequence, updated_at_ms) VALUES (?, ?, ?, ?, ?)',
  );
  const addSegment = database.prepare(
    `INSERT INTO telemetry_segments
       (device_id, stream, epoch, first_sequence, record_count, from_ms, to_ms, received_at_ms, bytes, records)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const addLoss = database.prepare(
    `INSERT INTO telemetry_losses (device_id, stream, epoch, first_sequence, end_sequence, reason, at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const oldest = database.prepare<[], { id: number; bytes: number; record_count: number }>(
    'SELECT id, bytes, record_count FROM telemetry_segments ORDER BY id',
  );
  const remove = database.prepare<[number]>('DELETE FROM telemetry_segments WHERE id = ?');
  const held = database.prepare<[], number | null>('SELECT SUM(bytes) FROM telemetry_segments').pluck();
  const losses = database.prepare<[string, string, string], LossRow>(
    `SELECT first_sequence, end_sequence, reason FROM telemetry_losses WHERE ${ofStream} ORDER BY first_sequence`,
  );
  const streams = database.prepare<[{ device: string | null }], StreamRow>(
    `SELECT s.device_id, s.stream, s.epoch, s.next_sequence, s.updated_at_ms,
            COALESCE(SUM(g.record_count), 0) AS records_held, COALESCE(SUM(g.bytes), 0) AS held_bytes
     FROM telemetry_streams s LEFT JOIN telemetry_segments g USING (device_id, stream, epoch)
     WHERE @device IS NULL OR s.device_id = @device
     GROUP BY s.device_id, s.stream, s.epoch ORDER BY s.device_id, s.stream, s.updated_at_ms`,
  );

  const writer: TelemetryWriter = {
    next: ({ deviceId, stream, epoch }) => next.get(deviceId, stream, epoch) ?? 0,
    addSegment({ deviceId, stream, epoch }, segment) {
      const { firstSequence, recordCount, fromMs, toMs, receivedAtMs, records } = segment;
      const bytes = records.kind === 'compressed' ? records.bytes : deflateRawSync(records.bytes);
      addSegment.run(
        deviceId,
        stream,
        epoch,
        firstSequence,
        recordCount,
        fromMs,
        toMs,
        receivedAtMs,
        bytes.byteLength,
        bytes,
      );
    },
    addLoss({ deviceId, stream, epoch }, { first, end, reason }, nowMs) {
      addLoss.run(deviceId, stream, epoch, first, end, reason, nowMs);
    },
    moveTo({ deviceId, stream, epoch }, sequence, nowMs) {
      move.run(deviceId, stream, epoch, sequence, nowMs);
    },
  };

  return {
    write: (work) => database.transaction(() => work(writer)).immediate(),

    *query({ deviceId, stream, name, fromMs, toMs }) {
      // Pages by key, so that no read holds the database while its reader is slow.
      const page = database.prepare<unknown[], SegmentRow>(
        `SELECT id, device_id, stream, epoch, first_sequence, from_ms, records FROM telemetry_segments
         WHERE to_ms >= @fromMs AND from_ms < @toMs AND (from_ms, id) > (@afterMs, @afterId)
           AND (@deviceId IS NULL OR device_id = @deviceId) AND (@stream IS NULL OR stream = @stream)
         ORDER BY from_ms, id LIMIT 64`,
      );
      let [afterMs, afterId] = [-1, -1];
      for (;;) {
        const rows = page.all({
          fromMs,
          toMs,
          afterMs,
          afterId,
          deviceId: deviceId ?? null,
          stream: stream ?? null,
        });
        for (const row of rows) {
          const { records } = decodeMessage(TelemetryRecords, inflateRawSync(row.records));
          for (const [index, record] of records.entries()) {
            if (record.timeUnixMs < fromMs || record.timeUnixMs >= toMs) continue;
            if (name !== undefined && record.name !== name) continue;
            yield { ...keyOf(row), sequence: row.first_sequence + index, record };
          }
        }
        const last = rows.at(-1);
        if (last === undefined) return;
        [afterMs, afterId] = [last.from_ms, last.id];
      }
    },

    streams: (deviceId) =>
      streams.all({ device: deviceId ?? null }).map(
        (row): StreamStatus => ({
          ...keyOf(row),
          next: row.next_sequence,
          recordsHeld: row.records_held,
          heldBytes: row.held_bytes,
          updatedAtMs: row.updated_at_ms,
          losses: losses
            .all(row.device_id, row.stream, row.epoch)
            .map(({ first_sequence, end_sequence, reason }) => ({
              first: first_sequence,
              end: end_sequence,
              reason,
            })),
        }),
      ),

    shrink(bytesMax) {
      let excess = (held.get() ?? 0) - bytesMax;
      let records = 0;
      if (excess <= 0) return 0;
      database.transaction(() => {
        const chosen: number[] = [];
        for (const { id, bytes, record_count } of oldest.iterate()) {
          chosen.push(id);
          records += record_count;
          excess -= bytes;
          if (excess <= 0) break;
        }
        for (const id of chosen) remove.run(id);
      })();
      return records;
    },

    close: () => void database.close(),
  };
}

interface KeyRow {
  readonly device_id: string;
  readonly stream: string;
  readonly epoch: string;
}

interface SegmentRow extends KeyRow {
  readonly id: number;
  readonly first_sequence: number;
  readonly from_ms: number;
  readonly records: Uint8Array;
}

interface StreamRow extends KeyRow {
  readonly next_sequence: number;
  readonly updated_at_ms: number;
  readonly records_held: number;
  readonly held_bytes: number;
}

interface LossRow {
  readonly first_sequence: number;
  readonly end_sequence: number;
  readonly reason: LossReason;
}

/** Only `write` fills these columns, from identifiers that were checked. */
function keyOf({ device_id, stream, epoch }: KeyRow) {
  return { deviceId: device_id as DeviceId, stream, epoch };
}
