/** What was given up of each stream, as ranges of numbers, until the coordinator knows of it. */
import type { TelemetryLoss } from '@starling/proto';
import type { AgentDatabase } from '../state/database.js';

export interface Losses {
  /** Adds `first` to `end` - 1; grows the range before it where that ends here for the same reason. */
  add(stream: string, first: number, end: number, reason: TelemetryLoss['reason']): void;
  /** In order. */
  of(stream: string): readonly TelemetryLoss[];
  /** The coordinator knows of everything before `next`. */
  forget(stream: string, next: number): void;
  /** Subtracts `by` from every number of the stream. */
  renumber(stream: string, by: number): void;
}

export function createLosses(database: AgentDatabase): Losses {
  const adjacent = database
    .prepare<[string, number, string], number>(
      'SELECT first_sequence FROM telemetry_losses WHERE stream = ? AND end_sequence = ? AND reason = ?',
    )
    .pluck();
  const grow = database.prepare<[number, string, number]>(
    'UPDATE telemetry_losses SET end_sequence = ? WHERE stream = ? AND first_sequence = ?',
  );
  const insert = database.prepare<[string, number, number, string]>(
    'INSERT OR REPLACE INTO telemetry_losses (stream, first_sequence, end_sequence, reason) VALUES (?, ?, ?, ?)',
  );
  const list = database.prepare<[string], Row>(
    'SELECT first_sequence, end_sequence, reason FROM telemetry_losses WHERE stream = ? ORDER BY first_sequence',
  );
  const remove = database.prepare<[string, number]>(
    'DELETE FROM telemetry_losses WHERE stream = ? AND end_sequence <= ?',
  );
  const shift = database.prepare<[number, number, string]>(
    'UPDATE telemetry_losses SET first_sequence = first_sequence - ?, end_sequence = end_sequence - ? WHERE stream = ?',
  );
  return {
    add(stream, first, end, reason) {
      const grown = adjacent.get(stream, first, reason);
      if (grown === undefined) insert.run(stream, first, end, reason);
      else grow.run(end, stream, grown);
    },
    of: (stream) =>
      list.all(stream).map(({ first_sequence, end_sequence, reason }) => ({
        firstSequence: first_sequence,
        endSequence: end_sequence,
        reason,
      })),
    forget: (stream, next) => void remove.run(stream, next),
    renumber: (stream, by) => void shift.run(by, by, stream),
  };
}

interface Row {
  readonly first_sequence: number;
  readonly end_sequence: number;
  readonly reason: TelemetryLoss['reason'];
}
