/** What an agent's database says of itself, read beside the agent that writes it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

export interface StreamStatus {
  readonly stream: string;
  /** Records that were ever written. */
  readonly written: number;
  /** Those that the coordinator holds durably, or knows to be lost. */
  readonly delivered: number;
  readonly waiting: number;
  /** Records that were given up, and whose loss the coordinator does not know yet. */
  readonly lost: number;
}

export interface TaskStatus {
  readonly task: string;
  readonly examples: number;
  /** Ever stored; what is too old or too much was removed. */
  readonly stored: number;
  readonly labelled: number;
  readonly quarantined: number;
}

export interface StoredStatus {
  readonly telemetry: readonly StreamStatus[];
  /** Bytes of records that wait. */
  readonly bufferBytes: number;
  readonly examples: readonly TaskStatus[];
}

/** Reads only: an older or a newer agent's tables that are not there are nothing to tell of. */
export function readStoredStatus(stateFolder: string): StoredStatus {
  const path = join(stateFolder, 'agent.db');
  if (!existsSync(path)) return { telemetry: [], bufferBytes: 0, examples: [] };
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const tables = new Set(
      database.prepare<[], string>("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all(),
    );
    return {
      ...(tables.has('telemetry_streams') ? telemetryOf(database) : { telemetry: [], bufferBytes: 0 }),
      examples: tables.has('examples') ? examplesOf(database) : [],
    };
  } finally {
    database.close();
  }
}

function telemetryOf(database: Database.Database): Pick<StoredStatus, 'telemetry' | 'bufferBytes'> {
  const telemetry = database
    .prepare<[], StreamStatus>(
      `SELECT stream, next_sequence AS written, acknowledged AS delivered,
         (SELECT COALESCE(SUM(MIN(record_count, first_sequence + record_count - acknowledged)), 0)
            FROM telemetry_segments
            WHERE telemetry_segments.stream = telemetry_streams.stream
              AND first_sequence + record_count > acknowledged) AS waiting,
         (SELECT COALESCE(SUM(end_sequence - first_sequence), 0)
            FROM telemetry_losses WHERE telemetry_losses.stream = telemetry_streams.stream) AS lost
       FROM telemetry_streams ORDER BY stream`,
    )
    .all();
  const bufferBytes =
    database.prepare<[], number>('SELECT COALESCE(SUM(bytes), 0) FROM telemetry_segments').pluck().get() ?? 0;
  return { telemetry, bufferBytes };
}

function examplesOf(database: Database.Database): readonly TaskStatus[] {
  return database
    .prepare<[], TaskStatus>(
      `SELECT task, COUNT(*) AS examples, COUNT(label) AS labelled,
         (SELECT COALESCE(MAX(stored), 0) FROM example_totals WHERE example_totals.task = examples.task) AS stored,
         (SELECT COALESCE(SUM(count), 0) FROM quarantine_counts WHERE quarantine_counts.task = examples.task)
           AS quarantined
       FROM examples GROUP BY task ORDER BY task`,
    )
    .all();
}
