import type { Insertable, Kysely, Selectable } from 'kysely';
import type { DeviceId } from '../ids.js';
import type { Tables } from './schema.js';
import type { IdentityStore, StoredIdentity, StoredToken } from './store.js';

export function identityStore(db: Kysely<Tables>): IdentityStore {
  return {
    async addToken(token) {
      await db
        .insertInto('enrolment_tokens')
        .values({
          token_id: token.tokenId,
          secret_sha256: token.secretSha256,
          device_group: token.group,
          device_id: token.deviceId,
          uses_max: token.usesMax,
          uses: token.uses,
          created_at_ms: token.createdAtMs,
          expires_at_ms: token.expiresAtMs,
        })
        .execute();
    },

    async findToken(tokenId) {
      const row = await db
        .selectFrom('enrolment_tokens')
        .selectAll()
        .where('token_id', '=', tokenId)
        .executeTakeFirst();
      return row === undefined ? undefined : tokenOf(row);
    },

    async listTokens() {
      const rows = await db
        .selectFrom('enrolment_tokens')
        .selectAll()
        .orderBy('created_at_ms', 'desc')
        .orderBy('token_id')
        .execute();
      return rows.map(tokenOf);
    },

    async removeToken(tokenId) {
      const result = await db
        .deleteFrom('enrolment_tokens')
        .where('token_id', '=', tokenId)
        .executeTakeFirst();
      return result.numDeletedRows > 0n;
    },

    async enrol(identity, usedTokenId) {
      await db.transaction().execute(async (transaction) => {
        await write(transaction, identity);
        if (usedTokenId === null) return;
        await transaction
          .updateTable('enrolment_tokens')
          .set((eb) => ({ uses: eb('uses', '+', 1) }))
          .where('token_id', '=', usedTokenId)
          .execute();
      });
    },

    put: (identity) => write(db, identity),

    async find(deviceId) {
      const row = await db
        .selectFrom('identities')
        .selectAll()
        .where('device_id', '=', deviceId)
        .executeTakeFirst();
      return row === undefined ? undefined : identityOf(row);
    },

    async list() {
      return (await db.selectFrom('identities').selectAll().orderBy('device_id').execute()).map(identityOf);
    },

    async standings() {
      const rows = await db.selectFrom('identities').select(['device_id', 'state', 'key_sha256']).execute();
      return rows.map((row) => ({
        deviceId: row.device_id as DeviceId,
        state: row.state as StoredIdentity['state'],
        keySha256: row.key_sha256,
      }));
    },
  };
}

async function write(db: Kysely<Tables>, identity: StoredIdentity): Promise<void> {
  const row = rowOf(identity);
  await db
    .insertInto('identities')
    .values(row)
    .onConflict((conflict) => conflict.column('device_id').doUpdateSet(row))
    .execute();
}

function rowOf(identity: StoredIdentity): Insertable<Tables['identities']> {
  return {
    device_id: identity.deviceId,
    device_group: identity.group,
    state: identity.state,
    key_sha256: identity.keySha256,
    token_id: identity.tokenId,
    enrolled_at_ms: identity.enrolledAtMs,
    certificate: identity.certificate && Buffer.from(identity.certificate),
    certificate_ends_at_ms: identity.certificateEndsAtMs,
    request: identity.request && Buffer.from(identity.request),
    requested_at_ms: identity.requestedAtMs,
    revoked_at_ms: identity.revokedAtMs,
    revocation_reason: identity.revocationReason,
    labels: JSON.stringify(identity.labels),
  };
}

/** Only `write` writes this table, from values of these very types. */
function identityOf(row: Selectable<Tables['identities']>): StoredIdentity {
  return {
    deviceId: row.device_id as DeviceId,
    group: row.device_group,
    state: row.state as StoredIdentity['state'],
    keySha256: row.key_sha256,
    tokenId: row.token_id,
    enrolledAtMs: row.enrolled_at_ms,
    certificate: row.certificate,
    certificateEndsAtMs: row.certificate_ends_at_ms,
    request: row.request,
    requestedAtMs: row.requested_at_ms,
    revokedAtMs: row.revoked_at_ms,
    revocationReason: row.revocation_reason,
    labels: JSON.parse(row.labels) as Record<string, string>,
  };
}

function tokenOf(row: Selectable<Tables['enrolment_tokens']>): StoredToken {
  return {
    tokenId: row.token_id,
    secretSha256: row.secret_sha256,
    group: row.device_group,
    deviceId: row.device_id as DeviceId | null,
    usesMax: row.uses_max,
    uses: row.uses,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
  };
}
