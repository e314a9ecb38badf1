/** The coordinator's event log as a test reads it: from a copy of the database, so that nothing is disturbed. */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LedgerEvent } from '@starling/federation';
import Database from 'better-sqlite3';

/** The fields of stored events that tests look at. */
export interface StoredEvent {
  readonly sequence: number;
  readonly kind: string;
  readonly key?: { readonly runId: string; readonly round: number; readonly attempt: number };
  readonly purpose?: 'train' | 'evaluate';
  /** The stage of secure aggregation that was answered or closed. */
  readonly stage?: string;
  readonly devices?: readonly string[];
  readonly contributions?: readonly { readonly deviceId: string; readonly payloadBytes: number }[];
  readonly partialSum?: { readonly file: string } | null;
  readonly checkpoint?: { readonly sha256: string };
  readonly updates?: number;
  readonly reason?: string;
  readonly code?: string;
}

/** Every event of a run in order. The coordinator of `folder` must not be running: a copy of live files may be torn. */
export function readRunLog(folder: string, runId: string): Promise<StoredEvent[]> {
  return inDatabase(folder, (database) =>
    database
      .prepare<[string], { sequence: number; body: string }>(
        'SELECT sequence, body FROM events WHERE run_id = ? ORDER BY sequence',
      )
      .all(runId)
      .map(({ sequence, body }) => ({ ...(JSON.parse(body) as StoredEvent), sequence })),
  );
}

/** A task's privacy ledger in order, read as `readRunLog` reads. */
export function readLedger(folder: string, taskName: string): Promise<LedgerEvent[]> {
  return inDatabase(folder, (database) =>
    database
      .prepare<[string], { body: string }>(
        'SELECT body FROM privacy_ledger WHERE task_name = ? ORDER BY sequence',
      )
      .all(taskName)
      .map(({ body }) => JSON.parse(body) as LedgerEvent),
  );
}

async function inDatabase<T>(folder: string, read: (database: Database.Database) => T): Promise<T> {
  const copy = await mkdtemp(join(tmpdir(), 'starling-log-'));
  try {
    for (const name of ['coordinator.db', 'coordinator.db-wal']) {
      await copyFile(join(folder, name), join(copy, name)).catch(ignoreMissing);
    }
    const database = new Database(join(copy, 'coordinator.db'));
    try {
      return read(database);
    } finally {
      database.close();
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}

/** What an event log must hold at any time; gives the committed training rounds' checkpoints in order. */
export function checkRunLog(events: readonly StoredEvent[]): string[] {
  const purposes = new Map<string, StoredEvent>();
  const counted = new Map<string, Set<string>>();
  const ended = new Set<string>();
  const checkpoints: string[] = [];
  events.forEach((event, index) => {
    if (event.sequence !== index + 1)
      throw new Error(`event ${index + 1} has the sequence ${event.sequence}`);
    if (event.key === undefined) return;
    const attempt = `round ${event.key.round}, attempt ${event.key.attempt}`;
    const name = `${purposes.get(attempt)?.purpose ?? event.purpose} ${attempt}`;
    if (event.kind === 'round-started') {
      if (purposes.has(attempt)) throw new Error(`${attempt} started twice`);
      purposes.set(attempt, event);
      return;
    }
    if (ended.has(attempt)) throw new Error(`${name} is over, and then comes ${event.kind}`);
    const devices = counted.get(attempt) ?? new Set();
    counted.set(attempt, devices);
    for (const { deviceId } of event.contributions ?? []) {
      if (devices.has(deviceId)) throw new Error(`${name} counts ${deviceId} twice`);
      devices.add(deviceId);
    }
    if (event.kind === 'round-abandoned') ended.add(attempt);
    if (event.kind !== 'round-committed') return;
    ended.add(attempt);
    if (event.updates !== devices.size) {
      throw new Error(`${name} commits ${event.updates} updates, but counted ${[...devices].join(', ')}`);
    }
    if (purposes.get(attempt)?.purpose !== 'train') return;
    if (event.key.round !== checkpoints.length + 1) {
      throw new Error(`${name} is committed as number ${checkpoints.length + 1}`);
    }
    checkpoints.push(event.checkpoint?.sha256 ?? '');
  });
  return checkpoints;
}
