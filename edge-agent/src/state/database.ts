/**
 * The agent's one SQLite database, in its state directory. Features keep their tables in it and bring the migrations
 * that make them.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { AgentError } from '../errors.js';

export type AgentDatabase = Database.Database;

/** Opens or creates a database at a path; in simulations, one on a simulated disk. */
export type OpenDatabase = (path: string) => AgentDatabase;

/** A step in the history of the tables; one that was released is never changed, only followed by another. */
export interface Migration {
  /** `telemetry-1`: feature and number. */
  readonly name: string;
  readonly sql: string;
}

/**
 * Opens or creates `agent.db`. With a write-ahead log synchronised at every commit, what was stored survives the end of
 * the process and of the power, and each migration is made whole or not at all.
 *
 * @param migrations of every feature, in the order in which they were released
 * @throws AgentError `agent/state-folder` where the file is no database, or was written by a newer agent
 */
export function openAgentDatabase(
  stateFolder: string,
  migrations: readonly Migration[],
  openDatabase: OpenDatabase = (path) => new Database(path),
): AgentDatabase {
  const path = join(stateFolder, 'agent.db');
  let database: AgentDatabase | undefined;
  try {
    database = openDatabase(path);
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    migrate(database, path, migrations);
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof AgentError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new AgentError(
      'agent/state-folder',
      `The database ${path} cannot be used (${why}); check the disk, and move the file away to start with an empty one.`,
      error,
    );
  }
}

function migrate(database: AgentDatabase, path: string, migrations: readonly Migration[]): void {
  database.exec('CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY) WITHOUT ROWID');
  const made = new Set(database.prepare<[], string>('SELECT name FROM migrations').pluck().all());
  const known = new Set(migrations.map(({ name }) => name));
  const foreign = [...made].find((name) => !known.has(name));
  if (foreign !== undefined) {
    throw new AgentError(
      'agent/state-folder',
      `The database ${path} was written by a newer agent (it has "${foreign}"); run that agent, or move the file away to start with an empty one.`,
    );
  }
  for (const { name, sql } of migrations) {
    if (made.has(name)) continue;
    database.transaction(() => {
      database.exec(sql);
      database.prepare('INSERT INTO migrations (name) VALUES (?)').run(name);
    })();
  }
}
