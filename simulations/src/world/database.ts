/**
 * SQLite on a simulated disk: the real library, in memory. A commit is durable when it returns, as SQLite promises with
 * `synchronous = FULL`; without that, a power failure takes commits back. A dead process's database is closed.
 */
import SQLite from 'better-sqlite3';
import type { StoredDatabase } from './disk.js';
import { mountRoot, type SimulatedProcess } from './simulated-process.js';

/** Of one database, kept for when they are prepared again. */
const statementsMax = 200;

const changes = /^\s*(insert|update|delete|replace|create|commit)/i;

/** Opens the database at a path under the process's mount; may be called as the products' `openDatabase`. */
export function openSimulatedDatabase(process: SimulatedProcess): (path: string) => SQLite.Database {
  return (path) => {
    const name = path.slice(path.indexOf('/', mountRoot.length + 1));
    const { machine } = process;
    if (!process.isAlive) throw new SQLite.SqliteError('the process is dead', 'SQLITE_IOERR');
    const stored = machine.disk.databases.get(name);
    const database = stored === undefined ? new SQLite(':memory:') : new SQLite(stored.bytes);
    const file: StoredDatabase = stored ?? {
      bytes: database.serialize(),
      unsynced: undefined,
      open: undefined,
      commits: 0,
    };
    machine.disk.databases.set(name, file);
    file.open = database;
    // SQLite's own default in write-ahead mode, as it is compiled here, is NORMAL: it waits for no disk.
    file.unsynced = file.bytes;
    process.onKilled(() => {
      if (!database.open) return;
      if (database.inTransaction) database.exec('ROLLBACK');
      file.bytes = database.serialize();
      file.open = undefined;
      database.close();
    });
    return guarded(database, process, file);
  };
}

function guarded(
  database: SQLite.Database,
  process: SimulatedProcess,
  file: StoredDatabase,
): SQLite.Database {
  const full = (): void => {
    if (process.machine.disk.isFull) throw new SQLite.SqliteError('database or disk is full', 'SQLITE_FULL');
  };
  const step = (): void => {
    process.io.step();
    if (!process.isAlive) throw new SQLite.SqliteError('the process is dead', 'SQLITE_IOERR');
  };
  const commit = (when: 'before' | 'after'): void => {
    if (process.io.commit(when)) throw new SQLite.SqliteError('database or disk is full', 'SQLITE_FULL');
    if (!process.isAlive) throw new SQLite.SqliteError('the process is dead', 'SQLITE_IOERR');
  };
  const statements = new Map<string, SQLite.Statement>();
  const prepare = (sql: string) => {
    if (changes.test(sql)) {
      full();
      step();
      file.commits += 1;
    }
    const statement = statements.get(sql) ?? database.prepare(sql);
    // Each text is prepared in one place, always for the same use. Schemes change at a start only, which is when most that
    // is prepared is prepared once.
    if (statements.size < statementsMax) statements.set(sql, statement);
    if (!/^\s*commit/i.test(sql)) return statement;
    // What is committed may be the last thing that the process did.
    return new Proxy(statement, {
      get(target, key) {
        if (key !== 'run') {
          const value: unknown = Reflect.get(target, key);
          return typeof value === 'function' ? value.bind(target) : value;
        }
        return (...args: unknown[]) => {
          commit('before');
          const result = target.run(...args);
          file.commits += 1;
          commit('after');
          step();
          return result;
        };
      },
    });
  };
  const transaction = (run: (...args: unknown[]) => unknown) => {
    const real = database.transaction(run);
    const guard =
      (begin: (...args: unknown[]) => unknown) =>
      (...args: unknown[]): unknown => {
        full();
        step();
        commit('before');
        const result = begin(...args);
        file.commits += 1;
        commit('after');
        step();
        return result;
      };
    const { deferred, immediate, exclusive } = real;
    return Object.assign(guard(real), {
      deferred: guard(deferred),
      immediate: guard(immediate),
      exclusive: guard(exclusive),
    });
  };
  const pragma = (text: string, options?: SQLite.PragmaOptions): unknown => {
    if (/^synchronous\s*=\s*(full|extra)$/i.test(text)) file.unsynced = undefined;
    return database.pragma(text, options);
  };
  return new Proxy(database, {
    get(target, key) {
      if (key === 'prepare') return prepare;
      if (key === 'transaction') return transaction;
      if (key === 'pragma') return pragma;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
