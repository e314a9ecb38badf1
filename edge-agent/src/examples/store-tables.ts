/** Tables of recorded examples, in the agent's database. */
import type { Migration } from '../state/database.js';

export const exampleMigrations: readonly Migration[] = [
  {
    name: 'examples-1',
    sql: `
      CREATE TABLE examples (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        task TEXT NOT NULL,
        -- What a late label names it by; one that comes again is dropped.
        id TEXT,
        -- The sensor it is of.
        source TEXT NOT NULL,
        from_ms REAL NOT NULL,
        to_ms REAL NOT NULL,
        stored_ms REAL NOT NULL,
        -- Each feature in its data type, one after the other, little-endian.
        features BLOB NOT NULL,
        -- float64, little-endian; NULL until it is known.
        label BLOB
      );
      CREATE UNIQUE INDEX examples_by_id ON examples (task, id) WHERE id IS NOT NULL;
      CREATE INDEX examples_by_span ON examples (task, source, from_ms);
      CREATE INDEX examples_by_age ON examples (task, stored_ms);
      CREATE TABLE example_labels (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        task TEXT NOT NULL,
        -- Either an id, or a source and a span.
        id TEXT,
        source TEXT,
        from_ms REAL,
        to_ms REAL,
        label BLOB NOT NULL,
        stored_ms REAL NOT NULL
      );
      CREATE INDEX example_labels_by_id ON example_labels (task, id);
      CREATE TABLE quarantine (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        task TEXT NOT NULL,
        source TEXT NOT NULL,
        at_ms REAL NOT NULL,
        reason TEXT NOT NULL,
        row TEXT NOT NULL
      );
      CREATE TABLE quarantine_counts (
        task TEXT NOT NULL,
        reason TEXT NOT NULL,
        count INTEGER NOT NULL,
        last_ms REAL NOT NULL,
        PRIMARY KEY (task, reason)
      ) WITHOUT ROWID;
      CREATE TABLE example_totals (
        task TEXT PRIMARY KEY,
        -- Ever stored, and ever removed by age or bytes.
        stored INTEGER NOT NULL,
        expired INTEGER NOT NULL,
        bytes INTEGER NOT NULL
      ) WITHOUT ROWID;
    `,
  },
  {
    name: 'examples-2',
    // Each window looks for its label: without this, among all that wait.
    sql: 'CREATE INDEX example_labels_by_span ON example_labels (task, source, to_ms);',
  },
];
