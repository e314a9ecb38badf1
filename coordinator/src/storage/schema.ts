/** Tables of the SQLite store, as kysely types. Times are milliseconds since the epoch. */
import type { Kysely, Migration } from 'kysely';

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
  };
  devices: {
    device_id: string;
    first_seen_ms: number;
    last_seen_ms: number;
    agent_version: string;
  };
  privacy_ledger: { task_name: string; sequence: number; at_ms: number; body: string };
  artifacts: { sha256: string; size_bytes: number; purpose: string; created_at_ms: number };
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
};
