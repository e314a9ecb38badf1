import type { LedgerEvent } from '@starling/federation';
import type { Kysely } from 'kysely';
import type { LedgerStore } from '../privacy/index.js';
import type { Tables } from './schema.js';

export function privacyLedgerStore(db: Kysely<Tables>): LedgerStore {
  return {
    async append(taskName, afterSequence, atMs, events) {
      const rows = events.map((event, index) => ({
        task_name: taskName,
        sequence: afterSequence + 1 + index,
        at_ms: atMs,
        body: JSON.stringify(event),
      }));
      // The primary key refuses a sequence that is taken: nobody pays from a ledger that somebody else has changed.
      await db.transaction().execute(async (transaction) => {
        await transaction.insertInto('privacy_ledger').values(rows).execute();
      });
    },

    async read(taskName) {
      const rows = await db
        .selectFrom('privacy_ledger')
        .select(['sequence', 'at_ms', 'body'])
        .where('task_name', '=', taskName)
        .orderBy('sequence')
        .execute();
      return rows.map(({ sequence, at_ms, body }) => ({
        sequence,
        atMs: at_ms,
        // Only `append` writes this table, from values of this very type.
        event: JSON.parse(body) as LedgerEvent,
      }));
    },
  };
}
