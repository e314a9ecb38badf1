import Database from 'better-sqlite3';
import { Kysely, Migrator, SqliteDialect } from 'kysely';
import { artifactIndex } from './artifact-index.js';
import { deviceStore } from './devices.js';
import { eventLog } from './event-log.js';
import { exchangeMessages } from './exchange-messages.js';
import { identityStore } from './identities.js';
import { privacyLedgerStore } from './privacy-ledger.js';
import { releaseStore } from './releases.js';
import { runStore } from './runs.js';
import { migrations, type Tables } from './schema.js';
import type { Store } from './store.js';
import { taskStore } from './tasks.js';

/** Opens or creates a database; in simulations, one on a simulated disk. */
export type OpenDatabase = (path: string) => Database.Database;

export const openDatabaseFile: OpenDatabase = (path) => new Database(path);

/**
 * Opens or creates the store at `path`. With a write-ahead log synchronised at every commit, what was stored survives
 * the end of the process and of the power.
 */
export async function openSqliteStore(
  path: string,
  openDatabase: OpenDatabase = openDatabaseFile,
): Promise<Store> {
  const database = openDatabase(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  // What is forgotten, such as shares of a round's secrets, is overwritten.
  database.pragma('secure_delete = ON');
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) {
    await db.destroy();
    throw error;
  }
  return {
    events: eventLog(db),
    messages: exchangeMessages(db),
    runs: runStore(db),
    tasks: taskStore(db),
    devices: deviceStore(db),
    ledgers: privacyLedgerStore(db),
    artifacts: artifactIndex(db),
    identities: identityStore(db),
    releases: releaseStore(db),
    close: () => db.destroy(),
  };
}
