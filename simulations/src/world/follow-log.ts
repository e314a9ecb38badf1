/** Follows the coordinator's log as it becomes durable. What was there once must never be gone. */
import type { Recorded, RunEvent } from '@starling/coordinator';
import SQLite from 'better-sqlite3';
import type { World } from './world.js';

interface Row {
  readonly rowid: number;
  readonly run_id: string;
  readonly sequence: number;
  readonly body: string;
}

export interface FollowedLog {
  readonly runs: ReadonlyMap<string, readonly Recorded[]>;
  /** Reads what is new; true where the database was written to since. */
  look(
    onEvents: (runId: string, events: readonly RunEvent[]) => void,
    onGone: (message: string) => void,
  ): boolean;
}

export function followLog({ coordinator }: World): FollowedLog {
  const runs = new Map<string, Recorded[]>();
  let commits = -1;
  let lastRow = 0;
  let total = 0;
  let lastOpen: unknown;
  return {
    runs,
    look(onEvents, onGone) {
      const stored = coordinator.disk.databases.get('/coordinator/coordinator.db');
      if (stored === undefined) return false;
      const isLooked = stored.commits === commits;
      if (isLooked && (stored.open === undefined || stored.open === lastOpen)) return false;
      commits = stored.commits;
      // What a process stored right before it was killed counts, though nobody has it open now.
      const database = stored.open ?? new SQLite(stored.bytes);
      if (stored.open !== undefined && database !== lastOpen) {
        lastOpen = database;
        const there = database.prepare<[], number>('SELECT COUNT(*) FROM events').pluck().get() ?? 0;
        if (there < total) onGone(`${total - there} events that were durable are gone after a restart`);
      }
      const rows = database
        .prepare<[number], Row>(
          'SELECT rowid, run_id, sequence, body FROM events WHERE rowid > ? ORDER BY rowid',
        )
        .all(lastRow);
      const fresh = new Map<string, RunEvent[]>();
      for (const { rowid, run_id, sequence, body } of rows) {
        lastRow = rowid;
        total += 1;
        const known = runs.get(run_id) ?? [];
        // Only the coordinator's store writes this table, from values of this very type.
        const event = JSON.parse(body) as RunEvent;
        if (sequence !== known.length + 1)
          onGone(`event ${sequence} of ${run_id} follows event ${known.length}`);
        runs.set(run_id, known);
        known.push({ sequence, event });
        const events = fresh.get(run_id) ?? [];
        fresh.set(run_id, events);
        events.push(event);
      }
      const { open } = stored;
      // Who is told of them may look for what was stored with them.
      stored.open = database;
      for (const [runId, events] of fresh) onEvents(runId, events);
      stored.open = open;
      if (open === undefined) database.close();
      return true;
    },
  };
}
