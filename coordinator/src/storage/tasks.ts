import type { Kysely, Selectable } from 'kysely';
import type { Sha256, TaskName } from '../ids.js';
import type { Tables } from './schema.js';
import type { StoredTask, TaskStore } from './store.js';

export function taskStore(db: Kysely<Tables>): TaskStore {
  return {
    async add(task) {
      await db
        .insertInto('tasks')
        .values({
          name: task.name,
          version: task.version,
          definition_json: task.definitionJson,
          plan_manifest_sha256: task.planManifest.sha256,
          plan_manifest_bytes: task.planManifest.sizeBytes,
          parameter_count: task.parameterCount,
          updated_at_ms: task.updatedAtMs,
          owner_key: Buffer.from(task.signature.ownerKey).toString('hex'),
          signature: Buffer.from(task.signature.signature).toString('hex'),
          terms_json: task.signature.termsJson,
        })
        .execute();
    },

    async newest(name) {
      const row = await db
        .selectFrom('tasks')
        .selectAll()
        .where('name', '=', name)
        .orderBy('version', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row === undefined ? undefined : taskOf(row);
    },

    async version(name, version) {
      const row = await db
        .selectFrom('tasks')
        .selectAll()
        .where('name', '=', name)
        .where('version', '=', version)
        .executeTakeFirst();
      return row === undefined ? undefined : taskOf(row);
    },

    async list() {
      const rows = await db.selectFrom('tasks').selectAll().orderBy('name').orderBy('version').execute();
      return [...new Map(rows.map((row) => [row.name, taskOf(row)])).values()];
    },
  };
}

/** Only `add` writes this table, so the names and hashes in it were parsed before. */
function taskOf(row: Selectable<Tables['tasks']>): StoredTask {
  return {
    name: row.name as TaskName,
    version: row.version,
    definitionJson: row.definition_json,
    planManifest: {
      sha256: row.plan_manifest_sha256 as Sha256,
      sizeBytes: row.plan_manifest_bytes,
    },
    parameterCount: row.parameter_count,
    updatedAtMs: row.updated_at_ms,
    signature: {
      ownerKey: Buffer.from(row.owner_key, 'hex'),
      signature: Buffer.from(row.signature, 'hex'),
      termsJson: row.terms_json,
    },
  };
}
