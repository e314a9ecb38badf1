/**
 * The agent's database with one owner: opened and migrated when something first needs it, handed to whoever keeps
 * records in it, and closed by who made this, after all of them. SQLite itself is loaded no earlier.
 */
import type { AgentDatabase, Migration, OpenDatabase } from './database.js';

/** What is loaded when somebody first keeps something. */
export const later = { database: () => import('./database.js') };

export interface OwnedDatabase {
  /**
   * The one handle; the same for everybody.
   *
   * @throws AgentError `agent/state-folder`
   */
  handle(): Promise<AgentDatabase>;
  /** Harmless where it was never opened. */
  close(): Promise<void>;
}

/** @param migrations of every feature, in the order in which they were released */
export function ownDatabase(
  stateFolder: string,
  migrations: readonly Migration[],
  openDatabase?: OpenDatabase | undefined,
): OwnedDatabase {
  let opened: Promise<AgentDatabase> | undefined;
  return {
    handle() {
      opened ??= later
        .database()
        .then(({ openAgentDatabase }) => openAgentDatabase(stateFolder, migrations, openDatabase));
      return opened;
    },
    async close() {
      // One that could not be opened was reported to who asked for it.
      const database = await opened?.catch(() => undefined);
      database?.close();
    },
  };
}
