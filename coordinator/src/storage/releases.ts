import type { Kysely } from 'kysely';
import type { DeviceRelease, ReleaseFile, ReleaseStore, Rollout } from '../releases/index.js';
import type { Tables } from './schema.js';

export function releaseStore(db: Kysely<Tables>): ReleaseStore {
  const fileOf = (row: { role: string; version: number; content: Uint8Array }): ReleaseFile => ({
    // Only `add` fills this column.
    role: row.role as ReleaseFile['role'],
    version: row.version,
    content: row.content,
  });
  return {
    async newest(role) {
      const row = await db
        .selectFrom('release_files')
        .selectAll()
        .where('role', '=', role)
        .orderBy('version', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row && fileOf(row);
    },

    async file(role, version) {
      const row = await db
        .selectFrom('release_files')
        .selectAll()
        .where('role', '=', role)
        .where('version', '=', version)
        .executeTakeFirst();
      return row && fileOf(row);
    },

    async add(files) {
      await db
        .insertInto('release_files')
        .values(files.map(({ role, version, content }) => ({ role, version, content })))
        .execute();
    },

    async rollouts() {
      const rows = await db
        .selectFrom('rollouts')
        .select('body')
        .orderBy('started_at_ms', 'desc')
        .orderBy('version', 'desc')
        .execute();
      // Only `putRollout` writes this table, from values of this very type.
      return rows.map(({ body }) => JSON.parse(body) as Rollout);
    },

    async putRollout(rollout) {
      const { name, version, startedAtMs: started_at_ms } = rollout;
      const body = JSON.stringify(rollout);
      await db
        .insertInto('rollouts')
        .values({ name, version, started_at_ms, body })
        .onConflict((conflict) => conflict.columns(['name', 'version']).doUpdateSet({ started_at_ms, body }))
        .execute();
    },

    async report(deviceId, reportedAtMs, releases) {
      await db
        .insertInto('release_followers')
        .values({ device_id: deviceId, reported_at_ms: reportedAtMs })
        .onConflict((conflict) => conflict.column('device_id').doUpdateSet({ reported_at_ms: reportedAtMs }))
        .execute();
      for (const { name, version, ...rest } of releases) {
        const body = JSON.stringify({ ...rest, reportedAtMs });
        await db
          .insertInto('device_releases')
          .values({ device_id: deviceId, name, version, body })
          .onConflict((conflict) => conflict.columns(['device_id', 'name', 'version']).doUpdateSet({ body }))
          .execute();
      }
    },

    async followers(sinceMs) {
      const rows = await db
        .selectFrom('release_followers')
        .selectAll()
        .where('reported_at_ms', '>=', sinceMs)
        .orderBy('reported_at_ms')
        .execute();
      return rows.map(({ device_id, reported_at_ms }) => ({
        deviceId: device_id as DeviceRelease['deviceId'],
        reportedAtMs: reported_at_ms,
      }));
    },

    async reports(name, version) {
      let query = db.selectFrom('device_releases').selectAll().orderBy('device_id').orderBy('name');
      if (name !== undefined) query = query.where('name', '=', name);
      if (version !== undefined) query = query.where('version', '=', version);
      return (await query.execute()).map(({ device_id, body, ...row }) => ({
        deviceId: device_id as DeviceRelease['deviceId'],
        ...row,
        ...(JSON.parse(body) as Pick<DeviceRelease, 'health' | 'reason' | 'reportedAtMs'>),
      }));
    },
  };
}
