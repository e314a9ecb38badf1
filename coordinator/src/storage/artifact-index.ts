import type { Kysely, Selectable } from 'kysely';
import type { Sha256 } from '../ids.js';
import type { Tables } from './schema.js';
import type { ArtifactIndex, ArtifactPurpose, StoredArtifact } from './store.js';

/** SQLite binds at most 32,766 values a statement. */
const hashesPerDelete = 1000;

export function artifactIndex(db: Kysely<Tables>): ArtifactIndex {
  return {
    async add(artifact) {
      await db
        .insertInto('artifacts')
        .values({
          sha256: artifact.sha256,
          size_bytes: artifact.sizeBytes,
          purpose: artifact.purpose,
          created_at_ms: artifact.createdAtMs,
        })
        .onConflict((conflict) => conflict.column('sha256').doNothing())
        .execute();
    },

    async find(sha256) {
      const row = await db
        .selectFrom('artifacts')
        .selectAll()
        .where('sha256', '=', sha256)
        .executeTakeFirst();
      return row === undefined ? undefined : artifactOf(row);
    },

    async list() {
      return (await db.selectFrom('artifacts').selectAll().execute()).map(artifactOf);
    },

    async remove(hashes) {
      for (let from = 0; from < hashes.length; from += hashesPerDelete) {
        await db
          .deleteFrom('artifacts')
          .where('sha256', 'in', hashes.slice(from, from + hashesPerDelete))
          .execute();
      }
    },
  };
}

/** Only `add` writes this table, from values of these very types. */
function artifactOf(row: Selectable<Tables['artifacts']>): StoredArtifact {
  return {
    sha256: row.sha256 as Sha256,
    sizeBytes: row.size_bytes,
    purpose: row.purpose as ArtifactPurpose,
    createdAtMs: row.created_at_ms,
  };
}
