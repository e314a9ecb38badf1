import Database from 'better-sqlite3';
import { CoordinatorError, refusal } from '../errors.js';

/** Held by the one coordinator that uses a folder. */
export interface FolderLock {
  release(): void;
}

/**
 * Locks a folder by an exclusive SQLite transaction on `path` that lasts as long as the process: the operating system
 * releases it however the process ends, so a killed coordinator leaves no stale lock behind. Throws `FOLDER_IN_USE`.
 */
export function lockFolder(path: string, folder: string): FolderLock {
  const database = new Database(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!(error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY')) throw error;
    throw new CoordinatorError(
      refusal(
        'failed-precondition',
        'FOLDER_IN_USE',
        `The folder ${folder} is in use by another coordinator.`,
        'Stop that one first, or give this one a folder of its own.',
      ),
    );
  }
  return { release: () => database.close() };
}
