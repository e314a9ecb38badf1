import type { Kysely, Transaction } from 'kysely';
import { assert } from '../errors.js';
import { parseDeviceId, type RoundKey } from '../ids.js';
import type { ExchangeStage } from '../rounds/index.js';
import type { Tables } from './schema.js';
import type { ExchangeMessage, ExchangeMessageStore } from './store.js';

/** SQLite binds at most 32,766 values a statement; six columns a message. */
const messagesPerInsertMax = 1000;

/** Inserts messages as a part of the transaction that stores the events which name them. */
export async function insertMessages(
  transaction: Transaction<Tables>,
  messages: readonly ExchangeMessage[],
): Promise<void> {
  for (let start = 0; start < messages.length; start += messagesPerInsertMax) {
    const rows = messages.slice(start, start + messagesPerInsertMax).map((message) => ({
      run_id: message.key.runId,
      round: message.key.round,
      attempt: message.key.attempt,
      stage: message.stage,
      device_id: message.deviceId,
      body: message.body,
    }));
    await transaction.insertInto('exchange_messages').values(rows).execute();
  }
}

export function exchangeMessages(db: Kysely<Tables>): ExchangeMessageStore {
  return {
    async load(key) {
      const rows = await db
        .selectFrom('exchange_messages')
        .select(['stage', 'device_id', 'body'])
        .where('run_id', '=', key.runId)
        .where('round', '=', key.round)
        .where('attempt', '=', key.attempt)
        .execute();
      return rows.map(({ stage, device_id, body }) => {
        const deviceId = parseDeviceId(device_id);
        assert(deviceId !== undefined, 'only trusted ids are stored');
        // Only `insertMessages` writes this table, from values of this very type.
        return { key, stage: stage as ExchangeStage, deviceId, body: new Uint8Array(body) };
      });
    },

    async remove(key) {
      await db
        .deleteFrom('exchange_messages')
        .where('run_id', '=', key.runId)
        .where('round', '=', key.round)
        .where('attempt', '=', key.attempt)
        .execute();
    },

    async keepOnly(keys) {
      const attempts = await db
        .selectFrom('exchange_messages')
        .select(['run_id', 'round', 'attempt'])
        .distinct()
        .execute();
      const kept = new Set(keys.map(nameOf));
      for (const { run_id, round, attempt } of attempts) {
        if (kept.has(nameOf({ runId: run_id, round, attempt }))) continue;
        await db
          .deleteFrom('exchange_messages')
          .where('run_id', '=', run_id)
          .where('round', '=', round)
          .where('attempt', '=', attempt)
          .execute();
      }
    },
  };
}

function nameOf({
  runId,
  round,
  attempt,
}: { runId: string; round: number; attempt: number } | RoundKey): string {
  return `${runId} ${round} ${attempt}`;
}
