import type { Kysely } from 'kysely';
import type { Tables } from './schema.js';
import type { RunStore, RunSummary } from './store.js';

/** Reads the summaries that the event log writes beside its events. */
export function runStore(db: Kysely<Tables>): RunStore {
  return {
    async find(runId) {
      const row = await db.selectFrom('runs').select('body').where('run_id', '=', runId).executeTakeFirst();
      return row === undefined ? undefined : summaryOf(row);
    },

    async list(taskName) {
      let query = db
        .selectFrom('runs')
        .select('body')
        .orderBy('started_at_ms', 'desc')
        .orderBy('run_id', 'desc');
      if (taskName !== undefined) query = query.where('task_name', '=', taskName);
      return (await query.execute()).map(summaryOf);
    },
  };
}

/** Only the event log writes this column, from values of this very type. */
function summaryOf(row: { readonly body: string }): RunSummary {
  return JSON.parse(row.body) as RunSummary;
}
