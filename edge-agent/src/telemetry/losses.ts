/**
 * What was given up of each stream, as ranges of numbers, until the coordinator knows of it. Numbers stay exact whatever
 * comes; where there are too many ranges, neighbours become one that no longer says why.
 */
import type { TelemetryLoss } from '@starling/proto';
import type { AgentDatabase } from '../state/database.js';

export interface Losses {
  /** Adds `first` to `end` - 1; grows the ranges beside it that were given up for the same reason. */
  add(stream: string, first: number, end: number, reason: TelemetryLoss['reason']): void;
  /** At most `limit` ranges, in order, of the numbers from `from` to `before` - 1. */
  between(stream: string, from: number, before: number, limit: number): readonly TelemetryLoss[];
  /** The coordinator knows of everything before `next`. */
  forget(stream: string, next: number): void;
  /** Subtracts `by` from every number of the stream. */
  renumber(stream: string, by: number): void;
  /** Joins neighbours, the oldest first, where there are more than `rangesMax`; leaves room for as many again. */
  shrink(rangesMax: number): void;
  /** After a transaction that was undone. */
  recount(): void;
}

export function createLosses(database: AgentDatabase): Losses {
  const count = database.prepare<[], number>('SELECT COUNT(*) FROM telemetry_losses').pluck();
  const before = database
    .prepare<[string, number, string], number>(
      'SELECT first_sequence FROM telemetry_losses WHERE stream = ? AND end_sequence = ? AND reason = ?',
    )
    .pluck();
  const after = database
    .prepare<[string, number, string], number>(
      'SELECT end_sequence FROM telemetry_losses WHERE stream = ? AND first_sequence = ? AND reason = ?',
    )
    .pluck();
  const insert = database.prepare<[string, number, number, string]>(
    'INSERT OR REPLACE INTO telemetry_losses (stream, first_sequence, end_sequence, reason) VALUES (?, ?, ?, ?)',
  );
  const remove = database.prepare<[string, number]>(
    'DELETE FROM telemetry_losses WHERE stream = ? AND first_sequence = ?',
  );
  const list = database.prepare<[string, number, number, number], Row>(
    `SELECT stream, first_sequence, end_sequence, reason FROM telemetry_losses
     WHERE stream = ? AND end_sequence > ? AND first_sequence < ? ORDER BY first_sequence LIMIT ?`,
  );
  const all = database.prepare<[], Row>('SELECT * FROM telemetry_losses ORDER BY stream, first_sequence');
  const removeKnown = database.prepare<[string, number]>(
    'DELETE FROM telemetry_losses WHERE stream = ? AND end_sequence <= ?',
  );
  const trim = database.prepare<[number, string, number]>(
    'UPDATE telemetry_losses SET first_sequence = ? WHERE stream = ? AND first_sequence < ?',
  );
  const shift = database.prepare<[number, number, string]>(
    'UPDATE telemetry_losses SET first_sequence = first_sequence - ?, end_sequence = end_sequence - ? WHERE stream = ?',
  );

  let ranges = count.get() ?? 0;
  const put = (stream: string, first: number, end: number, reason: string): void => {
    insert.run(stream, first, end, reason);
    ranges += 1;
  };
  const drop = (stream: string, first: number): void => {
    ranges -= remove.run(stream, first).changes;
  };

  return {
    add(stream, first, end, reason) {
      const grownFirst = before.get(stream, first, reason);
      const grownEnd = after.get(stream, end, reason);
      if (grownFirst !== undefined) drop(stream, grownFirst);
      if (grownEnd !== undefined) drop(stream, end);
      put(stream, grownFirst ?? first, grownEnd ?? end, reason);
    },
    between: (stream, from, end, limit) =>
      list.all(stream, from, end, limit).map(({ first_sequence, end_sequence, reason }) => ({
        firstSequence: first_sequence,
        endSequence: end_sequence,
        reason,
      })),
    forget(stream, next) {
      ranges -= removeKnown.run(stream, next).changes;
      trim.run(next, stream, next);
    },
    renumber: (stream, by) => void shift.run(by, by, stream),
    shrink(rangesMax) {
      if (ranges <= rangesMax) return;
      let joined: Row | undefined;
      for (const row of all.all()) {
        if (ranges <= rangesMax / 2) return;
        if (joined?.stream !== row.stream || joined.end_sequence !== row.first_sequence) {
          joined = row;
          continue;
        }
        const reason = joined.reason === row.reason ? row.reason : 'unspecified';
        drop(row.stream, joined.first_sequence);
        drop(row.stream, row.first_sequence);
        joined = { ...joined, end_sequence: row.end_sequence, reason };
        put(row.stream, joined.first_sequence, row.end_sequence, reason);
      }
    },
    recount() {
      ranges = count.get() ?? 0;
    },
  };
}

interface Row {
  readonly stream: string;
  readonly first_sequence: number;
  readonly end_sequence: number;
  readonly reason: TelemetryLoss['reason'];
}
