/** Every feature's tables, in the order in which they were released. */
import { exampleMigrations } from './examples/store-tables.js';
import type { Migration } from './state/database.js';
import { telemetryMigrations } from './telemetry/buffer-tables.js';

export const agentMigrations: readonly Migration[] = [...telemetryMigrations, ...exampleMigrations];
