import type { Kysely } from 'kysely';
import type { DeviceId } from '../ids.js';
import type { Tables } from './schema.js';
import type { DeviceStore } from './store.js';

/** SQLite binds at most 32,766 values a statement; four columns a device. */
const devicesPerInsert = 1000;

export function deviceStore(db: Kysely<Tables>): DeviceStore {
  return {
    async upsert(devices) {
      const rows = devices.map((device) => ({
        device_id: device.deviceId,
        first_seen_ms: device.firstSeenMs,
        last_seen_ms: device.lastSeenMs,
        agent_version: device.agentVersion,
      }));
      await db.transaction().execute(async (transaction) => {
        for (let from = 0; from < rows.length; from += devicesPerInsert) {
          await transaction
            .insertInto('devices')
            .values(rows.slice(from, from + devicesPerInsert))
            .onConflict((conflict) =>
              conflict.column('device_id').doUpdateSet((excluded) => ({
                last_seen_ms: excluded.ref('excluded.last_seen_ms'),
                agent_version: excluded.ref('excluded.agent_version'),
              })),
            )
            .execute();
        }
      });
    },

    async list() {
      const rows = await db.selectFrom('devices').selectAll().execute();
      // Only `upsert` writes this table, so the ids in it were parsed before.
      return rows.map((row) => ({
        deviceId: row.device_id as DeviceId,
        firstSeenMs: row.first_seen_ms,
        lastSeenMs: row.last_seen_ms,
        agentVersion: row.agent_version,
      }));
    },
  };
}
