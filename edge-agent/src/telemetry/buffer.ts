/**
 * The telemetry of a device until the coordinator has it: numbered records in SQLite, within a budget of bytes. What is
 * given up is written down as a loss in the transaction that gives it up, so nothing goes missing without a number.
 */
import type { Entropy } from '@starling/federation';
import { encodeMessage, type TelemetryLoss, type TelemetryRecord, TelemetryRecords } from '@starling/proto';
import type { AgentDatabase } from '../state/database.js';
import { createLosses } from './losses.js';
import { segmentRecordsMax, splitIntoSegments } from './segments.js';
import { priorities, type StreamSettings, type TelemetrySettings } from './streams.js';

/** Where a stream stands. */
export interface StreamPosition {
  readonly stream: string;
  readonly epoch: string;
  /** Everything before it is durable at the coordinator or lost. */
  readonly acknowledged: number;
  /** The number that the next record gets; everything before it is durable here, delivered or lost. */
  readonly next: number;
}

/** Consecutive records, and what is missing before them; no records where that alone fills a batch. */
export interface StoredRecords {
  readonly epoch: string;
  readonly firstSequence: number;
  readonly recordCount: number;
  /** TelemetryRecords, encoded; not compressed. */
  readonly records: Uint8Array;
  readonly losses: readonly TelemetryLoss[];
}

export interface TelemetryBuffer {
  /** Writes records of streams in one transaction; they are durable when it returns. */
  write(batches: ReadonlyMap<string, readonly TelemetryRecord[]>, nowMs: number): void;
  positions(): readonly StreamPosition[];
  /**
   * What is there from number `from` on: at least one segment where there is any, at most `bytesMax` otherwise. Where more
   * ranges are missing before it than a batch tells, those come first, in parts: `firstSequence` is where a part ends.
   */
  read(stream: string, from: number, bytesMax: number): StoredRecords;
  /** The coordinator has everything before `next`: deletes it. Gives where the stream stands then. */
  acknowledge(stream: string, epoch: string, next: number): StreamPosition;
  /** Gives up what is older than its stream keeps records. */
  expire(nowMs: number): void;
  /** Bytes that are kept, of the budget. */
  readonly bytes: number;
}

/** What a segment costs beside its records: its row, its entries in two indexes, and the loss that may end before it. */
const segmentOverheadBytes = 192;
/** Well below what the coordinator takes (TelemetryBatch in telemetry.proto). */
const lossesPerBatchMax = 1_024;
/** Ranges of losses are kept in 1/16 of the budget, of some 64 bytes each, beside those that end before a segment. */
const budgetBytesPerLoss = 1_024;

export function openTelemetryBuffer(
  database: AgentDatabase,
  { streams, budgetBytes }: TelemetrySettings,
  entropy: Entropy,
): TelemetryBuffer {
  const settings = new Map(streams.map((stream) => [stream.name, stream]));
  const losses = createLosses(database);
  const find = database.prepare<[string], PositionRow>('SELECT * FROM telemetry_streams WHERE stream = ?');
  const list = database.prepare<[], PositionRow>('SELECT * FROM telemetry_streams ORDER BY stream');
  const put = database.prepare<[string, string, number, number]>(
    'INSERT OR REPLACE INTO telemetry_streams (stream, epoch, next_sequence, acknowledged) VALUES (?, ?, ?, ?)',
  );
  const insert = database.prepare<[string, number, number, number, number, number, Uint8Array]>(
    `INSERT INTO telemetry_segments (stream, priority, first_sequence, record_count, at_ms, bytes, records)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  // A watermark within a segment sends the segment again; the receiver drops what it has.
  const from = database.prepare<[string, number, number], SegmentRow>(
    `SELECT first_sequence, record_count, records FROM telemetry_segments
     WHERE stream = ? AND first_sequence > ? - ${segmentRecordsMax} AND first_sequence + record_count > ?
     ORDER BY first_sequence`,
  );
  const cheapest = database.prepare<[], Cost>(
    'SELECT id, stream, first_sequence, record_count, bytes FROM telemetry_segments ORDER BY priority, id',
  );
  const old = database.prepare<[string, number], Cost>(
    `SELECT id, stream, first_sequence, record_count, bytes FROM telemetry_segments
     WHERE stream = ? AND at_ms < ? ORDER BY first_sequence`,
  );
  const drop = database.prepare<[number]>('DELETE FROM telemetry_segments WHERE id = ?');
  const delivered = database.prepare<[string, number], { readonly id: number; readonly bytes: number }>(
    `SELECT id, bytes FROM telemetry_segments WHERE stream = ? AND first_sequence + record_count <= ?
     ORDER BY first_sequence`,
  );
  const renumber = database.prepare<[number, string]>(
    'UPDATE telemetry_segments SET first_sequence = first_sequence - ? WHERE stream = ?',
  );

  let bytes =
    database.prepare<[], number | null>('SELECT SUM(bytes) FROM telemetry_segments').pluck().get() ?? 0;

  const positionOf = (stream: string): StreamPosition => {
    const row = find.get(stream);
    if (row !== undefined) return toPosition(row);
    const made = { stream, epoch: newEpoch(entropy), acknowledged: 0, next: 0 };
    put.run(stream, made.epoch, made.next, made.acknowledged);
    return made;
  };

  const giveUp = (segments: readonly Cost[], reason: TelemetryLoss['reason']): void => {
    for (const { id, stream, first_sequence: first, record_count: count, bytes: freed } of segments) {
      drop.run(id);
      losses.add(stream, first, first + count, reason);
      bytes -= freed;
    }
  };

  const keepWithinBudget = (): void => {
    losses.shrink(budgetBytes / budgetBytesPerLoss);
    if (bytes <= budgetBytes) return;
    const chosen: Cost[] = [];
    let excess = bytes - budgetBytes;
    for (const segment of cheapest.iterate()) {
      chosen.push(segment);
      excess -= segment.bytes;
      if (excess <= 0) break;
    }
    giveUp(chosen, 'budget');
  };

  const writeStream = (
    { name, priority }: StreamSettings,
    records: readonly TelemetryRecord[],
    nowMs: number,
  ): void => {
    const position = positionOf(name);
    let { next } = position;
    for (const part of splitIntoSegments(records)) {
      const encoded = encodeMessage(TelemetryRecords, { records: part });
      const cost = encoded.byteLength + segmentOverheadBytes;
      insert.run(name, priorities.indexOf(priority), next, part.length, nowMs, cost, encoded);
      bytes += cost;
      next += part.length;
    }
    put.run(name, position.epoch, next, position.acknowledged);
  };

  /** A transaction that fails must not leave the sum of bytes changed. */
  const atomically = (work: () => void): void => {
    const before = bytes;
    try {
      database.transaction(work).immediate();
    } catch (error) {
      bytes = before;
      losses.recount();
      throw error;
    }
  };

  return {
    write(batches, nowMs) {
      atomically(() => {
        for (const [name, records] of batches) {
          const stream = settings.get(name);
          if (stream === undefined) throw new Error(`the caller checked that there is a stream ${name}`);
          writeStream(stream, records, nowMs);
        }
        keepWithinBudget();
      });
    },

    positions: () => list.all().map(toPosition),

    read(stream, fromSequence, bytesMax) {
      const position = positionOf(stream);
      const parts: Uint8Array[] = [];
      let firstSequence = position.next;
      let recordCount = 0;
      let size = 0;
      for (const segment of from.iterate(stream, fromSequence, fromSequence)) {
        if (parts.length === 0) firstSequence = segment.first_sequence;
        // What comes after a loss goes into a batch of its own.
        else if (segment.first_sequence !== firstSequence + recordCount) break;
        if (parts.length > 0 && size + segment.records.byteLength > bytesMax) break;
        parts.push(segment.records);
        size += segment.records.byteLength;
        recordCount += segment.record_count;
      }
      // Those before `from` too, where there is room: the batch that told them may be lost.
      const missingFrom = (number: number) =>
        losses.between(stream, number, firstSequence, lossesPerBatchMax + 1);
      let missing = missingFrom(position.acknowledged);
      if (missing.length > lossesPerBatchMax) missing = missingFrom(fromSequence);
      const { epoch } = position;
      if (missing.length > lossesPerBatchMax) {
        const part = missing.slice(0, lossesPerBatchMax);
        const { endSequence } = part[part.length - 1];
        return { epoch, firstSequence: endSequence, recordCount: 0, records: new Uint8Array(), losses: part };
      }
      // Lists of protobuf follow each other: their concatenation is the list of all.
      const records = parts.length === 1 ? parts[0] : Buffer.concat(parts);
      return { epoch, firstSequence, recordCount, records, losses: missing };
    },

    acknowledge(stream, epoch, next) {
      let after = positionOf(stream);
      atomically(() => {
        const position = positionOf(stream);
        after = position;
        if (position.epoch !== epoch) return;
        if (next > position.next) {
          // It has records that this buffer does not know: the buffer is an older copy, and its numbers were used before.
          const moved = {
            ...position,
            epoch: newEpoch(entropy),
            next: position.next - position.acknowledged,
            acknowledged: 0,
          };
          renumber.run(position.acknowledged, stream);
          losses.renumber(stream, position.acknowledged);
          put.run(stream, moved.epoch, moved.next, moved.acknowledged);
          after = moved;
          return;
        }
        if (next < position.acknowledged) {
          losses.add(stream, next, position.acknowledged, 'forgotten');
          after = { ...position, acknowledged: next };
        } else {
          for (const segment of delivered.all(stream, next)) {
            drop.run(segment.id);
            bytes -= segment.bytes;
          }
          losses.forget(stream, next);
          after = { ...position, acknowledged: next };
        }
        put.run(stream, epoch, after.next, after.acknowledged);
      });
      return after;
    },

    expire(nowMs) {
      atomically(() => {
        for (const { name, timeToLiveMs } of streams) {
          if (timeToLiveMs !== null) giveUp(old.all(name, nowMs - timeToLiveMs), 'expired');
        }
      });
    },

    get bytes() {
      return bytes;
    },
  };
}

interface PositionRow {
  readonly stream: string;
  readonly epoch: string;
  readonly next_sequence: number;
  readonly acknowledged: number;
}

interface SegmentRow {
  readonly first_sequence: number;
  readonly record_count: number;
  readonly records: Uint8Array;
}

interface Cost {
  readonly id: number;
  readonly stream: string;
  readonly first_sequence: number;
  readonly record_count: number;
  readonly bytes: number;
}

function toPosition({ stream, epoch, next_sequence, acknowledged }: PositionRow): StreamPosition {
  return { stream, epoch, next: next_sequence, acknowledged };
}

function newEpoch(entropy: Entropy): string {
  return Buffer.from(entropy.bytes(8)).toString('hex');
}
