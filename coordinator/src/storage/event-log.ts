import type { Kysely } from 'kysely';
import { assert } from '../errors.js';
import type { RunEvent } from '../runs/index.js';
import { insertMessages } from './exchange-messages.js';
import type { Tables } from './schema.js';
import type { EventLog } from './store.js';

/** SQLite binds at most 32,766 values a statement; five columns an event. */
const eventsPerInsertMax = 1000;

export function eventLog(db: Kysely<Tables>): EventLog {
  return {
    async append(runId, afterSequence, events, summary, messages = []) {
      assert(events.length <= eventsPerInsertMax, 'a decision has few events');
      const rows = events.map((event, index) => ({
        run_id: runId,
        sequence: afterSequence + 1 + index,
        at_ms: event.atMs,
        kind: event.kind,
        body: JSON.stringify(event),
      }));
      const run = {
        task_name: summary.taskName,
        task_version: summary.taskVersion,
        state: summary.state,
        started_at_ms: summary.startedAtMs,
        body: JSON.stringify(summary),
      };
      await db.transaction().execute(async (transaction) => {
        // The primary key refuses a sequence that is taken, so two writers cannot both go on from the same state.
        if (rows.length > 0) await transaction.insertInto('events').values(rows).execute();
        await insertMessages(transaction, messages);
        await transaction
          .insertInto('runs')
          .values({ run_id: runId, ...run })
          .onConflict((conflict) => conflict.column('run_id').doUpdateSet(run))
          .execute();
      });
    },

    async read(runId, afterSequence, limit) {
      const rows = await db
        .selectFrom('events')
        .select(['sequence', 'body'])
        .where('run_id', '=', runId)
        .where('sequence', '>', afterSequence)
        .orderBy('sequence')
        .limit(limit)
        .execute();
      // Only `append` writes this table, from values of this very type.
      return rows.map(({ sequence, body }) => ({ sequence, event: JSON.parse(body) as RunEvent }));
    },
  };
}
