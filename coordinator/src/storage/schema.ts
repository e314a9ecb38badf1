/** Tables of the SQLite store, as kysely types. Times are milliseconds since the epoch. */
import { type Kysely, type Migration, sql } from 'kysely';

export interface Tables {
  events: { run_id: string; sequence: number; at_ms: number; kind: string; body: string };
  runs: {
    run_id: string;
    task_name: string;
    task_version: number;
    state: string;
    started_at_ms: number;
    /** The whole summary as JSON; the columns beside it are what is searched by. */
    body: string;
  };
  exchange_messages: {
    run_id: string;
    round: number;
    attempt: number;
    stage: string;
    device_id: string;
    body: Uint8Array;
  };
  tasks: {
    name: string;
    version: number;
    definition_json: string;
    plan_manifest_sha256: string;
    plan_manifest_bytes: number;
    parameter_count: number;
    updated_at_ms: number;
    /** Hexadecimal. */
    owner_key: string;
    /** Hexadecimal. */
    signature: string;
    terms_json: string;
  };
  devices: {
    device_id: string;
    first_seen_ms: number;
    last_seen_ms: number;
    agent_version: string;
  };
  privacy_ledger: { task_name: string; sequence: number; at_ms: number; body: string };
  release_files: { role: string; version: number; content: Uint8Array };
  /** `body` is the whole rollout as JSON. */
  rollouts: { name: string; version: number; started_at_ms: number; body: string };
  device_releases: { device_id: string; name: string; version: number; body: string };
  release_followers: { device_id: string; reported_at_ms: number };
  artifacts: { sha256: string; size_bytes: number; purpose: string; created_at_ms: number };
  enrolment_tokens: {
    token_id: string;
    secret_sha256: string;
    device_group: string;
    device_id: string | null;
    uses_max: number;
    uses: number;
    created_at_ms: number;
    expires_at_ms: number;
  };
  identities: {
    device_id: string;
    device_group: string;
    state: string;
    key_sha256: string;
    token_id: string;
    enrolled_at_ms: number;
    certificate: Uint8Array | null;
    certificate_ends_at_ms: number;
    request: Uint8Array | null;
    requested_at_ms: number;
    revoked_at_ms: number;
    revocation_reason: string;
    /** JSON object, string to string. */
    labels: string;
  };
}

/** In order of their names; one that was released is never changed, only followed by another. */
export const migrations: Record<string, Migration> = {
  '0001-runs-tasks-devices-artifacts': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('events')
        .addColumn('run_id', 'text', (column) => column.notNull())
        .addColumn('sequence', 'integer', (column) => column.notNull())
        .addColumn('at_ms', 'integer', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('events_key', ['run_id', 'sequence'])
        .execute();
      await db.schema
        .createTable('runs')
        .addColumn('run_id', 'text', (column) => column.primaryKey())
        .addColumn('task_name', 'text', (column) => column.notNull())
        .addColumn('task_version', 'integer', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('started_at_ms', 'integer', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('tasks')
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('version', 'integer', (column) => column.notNull())
        .addColumn('definition_json', 'text', (column) => column.notNull())
        .addColumn('plan_manifest_sha256', 'text', (column) => column.notNull())
        .addColumn('plan_manifest_bytes', 'integer', (column) => column.notNull())
        .addColumn('parameter_count', 'integer', (column) => column.notNull())
        .addColumn('updated_at_ms', 'integer', (column) => column.notNull())
        .addPrimaryKeyConstraint('tasks_key', ['name', 'version'])
        .execute();
      await db.schema
        .createTable('devices')
        .addColumn('device_id', 'text', (column) => column.primaryKey())
        .addColumn('first_seen_ms', 'integer', (column) => column.notNull())
        .addColumn('last_seen_ms', 'integer', (column) => column.notNull())
        .addColumn('agent_version', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('artifacts')
        .addColumn('sha256', 'text', (column) => column.primaryKey())
        .addColumn('size_bytes', 'integer', (column) => column.notNull())
        .addColumn('purpose', 'text', (column) => column.notNull())
        .addColumn('created_at_ms', 'integer', (column) => column.notNull())
        .execute();
    },
  },
  '0002-identities-signatures': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('enrolment_tokens')
        .addColumn('token_id', 'text', (column) => column.primaryKey())
        .addColumn('secret_sha256', 'text', (column) => column.notNull())
        .addColumn('device_group', 'text', (column) => column.notNull())
        .addColumn('device_id', 'text')
        .addColumn('uses_max', 'integer', (column) => column.notNull())
        .addColumn('uses', 'integer', (column) => column.notNull())
        .addColumn('created_at_ms', 'integer', (column) => column.notNull())
        .addColumn('expires_at_ms', 'integer', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('identities')
        .addColumn('device_id', 'text', (column) => column.primaryKey())
        .addColumn('device_group', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('key_sha256', 'text', (column) => column.notNull())
        .addColumn('token_id', 'text', (column) => column.notNull())
        .addColumn('enrolled_at_ms', 'integer', (column) => column.notNull())
        .addColumn('certificate', 'blob')
        .addColumn('certificate_ends_at_ms', 'integer', (column) => column.notNull())
        .addColumn('request', 'blob')
        .addColumn('requested_at_ms', 'integer', (column) => column.notNull())
        .addColumn('revoked_at_ms', 'integer', (column) => column.notNull())
        .addColumn('revocation_reason', 'text', (column) => column.notNull())
        .addColumn('labels', 'text', (column) => column.notNull())
        .execute();
      for (const column of ['owner_key', 'signature', 'terms_json']) {
        await db.schema
          .alterTable('tasks')
          .addColumn(column, 'text', (text) => text.notNull().defaultTo(''))
          .execute();
      }
    },
  },
  '0003-exchange-messages': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('exchange_messages')
        .addColumn('run_id', 'text', (column) => column.notNull())
        .addColumn('round', 'integer', (column) => column.notNull())
        .addColumn('attempt', 'integer', (column) => column.notNull())
        .addColumn('stage', 'text', (column) => column.notNull())
        .addColumn('device_id', 'text', (column) => column.notNull())
        .addColumn('body', 'blob', (column) => column.notNull())
        .addPrimaryKeyConstraint('exchange_messages_key', [
          'run_id',
          'round',
          'attempt',
          'stage',
          'device_id',
        ])
        .execute();
    },
  },
  '0004-privacy-ledger': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('privacy_ledger')
        .addColumn('task_name', 'text', (column) => column.notNull())
        .addColumn('sequence', 'integer', (column) => column.notNull())
        .addColumn('at_ms', 'integer', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('privacy_ledger_key', ['task_name', 'sequence'])
        .execute();
    },
  },
  '0005-releases': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('release_files')
        .addColumn('role', 'text', (column) => column.notNull())
        .addColumn('version', 'integer', (column) => column.notNull())
        .addColumn('content', 'blob', (column) => column.notNull())
        .addPrimaryKeyConstraint('release_files_key', ['role', 'version'])
        .execute();
      await db.schema
        .createTable('rollouts')
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('version', 'integer', (column) => column.notNull())
        .addColumn('started_at_ms', 'integer', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('rollouts_key', ['name', 'version'])
        .execute();
      await db.schema
        .createTable('device_releases')
        .addColumn('device_id', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('version', 'integer', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('device_releases_key', ['device_id', 'name', 'version'])
        .execute();
    },
  },
  '0006-release-followers': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('release_followers')
        .addColumn('device_id', 'text', (column) => column.primaryKey())
        .addColumn('reported_at_ms', 'integer', (column) => column.notNull())
        .execute();
      await sql`INSERT INTO release_followers SELECT device_id, MAX(json_extract(body, '$.reportedAtMs'))
        FROM device_releases GROUP BY device_id`.execute(db);
    },
  },
};
