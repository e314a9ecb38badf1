import type { Migration } from '../state/database.js';

/** A segment is what one write of one stream made durable: consecutive records, as the protobuf fields of a list. */
export const telemetryMigrations: readonly Migration[] = [
  {
    name: 'telemetry-1',
    sql: `
      CREATE TABLE telemetry_streams (
        stream TEXT PRIMARY KEY,
        epoch TEXT NOT NULL,
        next_sequence INTEGER NOT NULL,
        acknowledged INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE telemetry_segments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        stream TEXT NOT NULL,
        priority INTEGER NOT NULL,
        first_sequence INTEGER NOT NULL,
        record_count INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        records BLOB NOT NULL
      );
      CREATE INDEX telemetry_segments_order ON telemetry_segments (stream, first_sequence);
      CREATE INDEX telemetry_segments_worth ON telemetry_segments (priority, id);
      CREATE TABLE telemetry_losses (
        stream TEXT NOT NULL,
        first_sequence INTEGER NOT NULL,
        end_sequence INTEGER NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (stream, first_sequence)
      ) WITHOUT ROWID;`,
  },
];
