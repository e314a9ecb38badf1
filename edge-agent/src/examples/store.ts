/** Recorded examples, their late labels, and what was refused; all of it in the agent's database, on this device. */
import type { AgentDatabase } from '../state/database.js';
import { fromBytes, packFeatures, toBytes } from './packing.js';
import type { Recording } from './recording.js';

export interface NewExample {
  readonly id: string | undefined;
  readonly source: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Of each feature, in the contract's order. */
  readonly values: readonly Float64Array[];
  readonly label: readonly number[] | undefined;
}

export type NewLabel = { readonly label: readonly number[] } & (
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'span'; readonly source: string; readonly fromMs: number; readonly toMs: number }
);

export interface RecordingStatistics {
  readonly task: string;
  readonly examples: number;
  readonly labelled: number;
  readonly bytes: number;
  readonly expired: number;
  /** Labels whose example has not come yet, or whose span is kept for examples to come. */
  readonly labelsWaiting: number;
  readonly oldestMs: number | undefined;
  readonly newestMs: number | undefined;
  readonly quarantined: Readonly<Record<string, number>>;
}

export interface QuarantinedRow {
  readonly task: string;
  readonly source: string;
  readonly atMs: number;
  readonly reason: string;
  /** The row as it came, cut to 4,096 characters. It may hold what was measured: it stays on this device. */
  readonly row: string;
}

export interface StoredExample {
  readonly sequence: number;
  readonly id: string | undefined;
  readonly source: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly features: Uint8Array;
  readonly label: Float64Array | undefined;
}

export interface ExampleStore {
  /** Runs `work` as one transaction. */
  transaction(work: () => void): void;
  /** Gives whether it is new: an id that is there already is passed over. */
  add(recording: Recording, example: NewExample, nowMs: number): boolean;
  /** Labels what is there, and keeps the label for what is not yet, until `retain`. Gives how many examples got it. */
  label(recording: Recording, label: NewLabel, nowMs: number): number;
  quarantine(task: string, row: Omit<QuarantinedRow, 'task'>): void;
  /** Removes what is too old or too much, oldest first. Gives how many examples went. */
  retain(recording: Recording, nowMs: number): number;
  statistics(task: string): RecordingStatistics;
  quarantined(task: string, most: number): readonly QuarantinedRow[];
  /** Labelled examples, or all, oldest first. */
  examples(task: string, which: 'labelled' | 'all'): IterableIterator<StoredExample>;
  /** The newest labelled examples, newest first. */
  newest(task: string, most: number): readonly StoredExample[];
  /** Changes whenever the labelled examples of a task do. */
  revision(task: string): string;
}

/** Rows in quarantine are for a person to look at: the newest will do. Their count goes on. */
const quarantineMax = 1000;
const quarantineRowLength = 4096;
/** So many are put there between two looks at how many there are. */
const trimEvery = 256;
const labelsMax = 100_000;

export function openExampleStore(database: AgentDatabase): ExampleStore {
  const sql = statements(database);
  const untrimmed = new Map<string, number>();
  const trim = (task: string): void => {
    untrimmed.delete(task);
    sql.trimQuarantine.run(task, task, quarantineMax);
  };
  return {
    transaction: (work) => database.transaction(work)(),
    add(recording, example, nowMs) {
      const { task } = recording;
      const { id, source, fromMs, toMs } = example;
      const features = packFeatures(recording.contract, example.values);
      const label = example.label ?? waitingLabel(sql, recording, example);
      const { changes } = sql.insert.run(
        ...[task, id ?? null, source, fromMs, toMs, nowMs],
        ...[features, label === undefined ? null : toBytes(label)],
      );
      if (changes === 0) return false;
      sql.stored.run(task, features.byteLength, features.byteLength);
      return true;
    },
    label({ task }, label, nowMs) {
      const bytes = toBytes(label.label);
      if (label.kind === 'id') {
        const { changes } = sql.labelId.run(bytes, task, label.id);
        if (changes === 0) sql.keepLabel.run(task, label.id, null, null, null, bytes, nowMs);
        else sql.dropLabel.run(task, label.id);
        return changes;
      }
      const { source, fromMs, toMs } = label;
      const { changes } = sql.labelSpan.run(bytes, task, source, fromMs, toMs, toMs);
      sql.keepLabel.run(task, null, source, fromMs, toMs, bytes, nowMs);
      return changes;
    },
    quarantine(task, { source, atMs, reason, row }) {
      sql.quarantine.run(task, source, atMs, reason, row.slice(0, quarantineRowLength));
      sql.countReason.run(task, reason, atMs, atMs);
      const count = (untrimmed.get(task) ?? 0) + 1;
      untrimmed.set(task, count);
      if (count >= trimEvery) trim(task);
    },
    retain({ task, retention, labels }, nowMs) {
      trim(task);
      const totals = sql.totals.get(task);
      const removed = sql.expire.all(task, nowMs - retention.ageMsMax);
      let bytes = removed.reduce((left, bytes) => left - bytes, totals?.bytes ?? 0);
      sql.expireLabels.run(task, nowMs - labels.withinMs, task, labelsMax);
      while (bytes > retention.bytesMax) {
        const oldest = sql.removeOldest.all(task);
        if (oldest.length === 0) break;
        for (const each of oldest) bytes -= each;
        removed.push(...oldest);
      }
      if (removed.length > 0) sql.expired.run(removed.length, bytes, task);
      return removed.length;
    },
    statistics(task) {
      const counts = sql.counts.get(task);
      const totals = sql.totals.get(task);
      return {
        task,
        examples: counts?.examples ?? 0,
        labelled: counts?.labelled ?? 0,
        bytes: counts?.bytes ?? 0,
        expired: totals?.expired ?? 0,
        labelsWaiting: sql.labelsWaiting.get(task) ?? 0,
        oldestMs: counts?.oldest ?? undefined,
        newestMs: counts?.newest ?? undefined,
        quarantined: Object.fromEntries(sql.reasons.all(task).map(({ reason, count }) => [reason, count])),
      };
    },
    quarantined: (task, most) => sql.quarantined.all(task, Math.min(most, quarantineMax)),
    *examples(task, which) {
      for (const row of sql.examples.iterate(task, which === 'all' ? 1 : 0)) yield exampleOf(row);
    },
    newest: (task, most) => sql.newest.all(task, most).map(exampleOf),
    revision: (task) => {
      const { last, labelled } = sql.revision.get(task) ?? { last: 0, labelled: 0 };
      return `${last}/${labelled}`;
    },
  };
}

function exampleOf({ id, label, ...rest }: ExampleRow): StoredExample {
  return { ...rest, id: id ?? undefined, label: label === null ? undefined : fromBytes(label) };
}

/** A label that came before its example. */
function waitingLabel(
  sql: ReturnType<typeof statements>,
  { task, labels }: Recording,
  { id, source, fromMs, toMs }: NewExample,
): Float64Array | undefined {
  if (labels.join === 'row') return undefined;
  if (labels.join === 'time') {
    const found = sql.labelOfSpan.get(task, source, fromMs, toMs);
    return found === undefined ? undefined : fromBytes(found);
  }
  if (id === undefined) return undefined;
  const found = sql.labelOfId.get(task, id);
  if (found === undefined) return undefined;
  sql.dropLabel.run(task, id);
  return fromBytes(found);
}

interface Counts {
  readonly examples: number;
  readonly labelled: number;
  readonly bytes: number | null;
  readonly oldest: number | null;
  readonly newest: number | null;
}

interface ExampleRow {
  readonly sequence: number;
  readonly id: string | null;
  readonly source: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly features: Uint8Array;
  readonly label: Uint8Array | null;
}

function statements(database: AgentDatabase) {
  return {
    insert: database.prepare(`
      INSERT INTO examples (task, id, source, from_ms, to_ms, stored_ms, features, label)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`),
    stored: database.prepare(`
      INSERT INTO example_totals (task, stored, expired, bytes) VALUES (?, 1, 0, ?)
      ON CONFLICT DO UPDATE SET stored = stored + 1, bytes = bytes + ?`),
    labelId: database.prepare('UPDATE examples SET label = ? WHERE task = ? AND id = ?'),
    // A window takes the label of a span that holds it whole: half of it may be something else.
    labelSpan: database.prepare(
      'UPDATE examples SET label = ? WHERE task = ? AND source = ? AND from_ms BETWEEN ? AND ? AND to_ms <= ?',
    ),
    keepLabel: database.prepare(`
      INSERT INTO example_labels (task, id, source, from_ms, to_ms, label, stored_ms)
      VALUES (?, ?, ?, ?, ?, ?, ?)`),
    dropLabel: database.prepare('DELETE FROM example_labels WHERE task = ? AND id = ?'),
    labelOfId: database
      .prepare<[string, string], Uint8Array>(
        'SELECT label FROM example_labels WHERE task = ? AND id = ? ORDER BY sequence DESC LIMIT 1',
      )
      .pluck(),
    labelOfSpan: database
      .prepare<[string, string, number, number], Uint8Array>(`
        SELECT label FROM example_labels
        WHERE task = ? AND source = ? AND from_ms <= ? AND to_ms >= ? ORDER BY sequence DESC LIMIT 1`)
      .pluck(),
    expireLabels: database.prepare(`
      DELETE FROM example_labels WHERE task = ? AND (stored_ms < ? OR sequence <= (
        SELECT sequence FROM example_labels WHERE task = ? ORDER BY sequence DESC LIMIT 1 OFFSET ?))`),
    labelsWaiting: database
      .prepare<[string], number>('SELECT count(*) FROM example_labels WHERE task = ?')
      .pluck(),
    quarantine: database.prepare(
      'INSERT INTO quarantine (task, source, at_ms, reason, row) VALUES (?, ?, ?, ?, ?)',
    ),
    countReason: database.prepare(`
      INSERT INTO quarantine_counts (task, reason, count, last_ms) VALUES (?, ?, 1, ?)
      ON CONFLICT DO UPDATE SET count = count + 1, last_ms = ?`),
    trimQuarantine: database.prepare(`
      DELETE FROM quarantine WHERE task = ? AND sequence <= (
        SELECT sequence FROM quarantine WHERE task = ? ORDER BY sequence DESC LIMIT 1 OFFSET ?)`),
    quarantined: database.prepare<[string, number], QuarantinedRow>(`
      SELECT task, source, at_ms AS atMs, reason, row FROM quarantine
      WHERE task = ? ORDER BY sequence DESC LIMIT ?`),
    reasons: database.prepare<[string], { reason: string; count: number }>(
      'SELECT reason, count FROM quarantine_counts WHERE task = ? ORDER BY count DESC',
    ),
    // What is removed tells its bytes: adding up all that is left takes longer the more there is.
    expire: database
      .prepare<[string, number], number>(
        'DELETE FROM examples WHERE task = ? AND stored_ms < ? RETURNING length(features)',
      )
      .pluck(),
    removeOldest: database
      .prepare<[string], number>(`
        DELETE FROM examples WHERE sequence IN (
          SELECT sequence FROM examples WHERE task = ? ORDER BY sequence LIMIT 64)
        RETURNING length(features)`)
      .pluck(),
    expired: database.prepare('UPDATE example_totals SET expired = expired + ?, bytes = ? WHERE task = ?'),
    totals: database.prepare<[string], { stored: number; expired: number; bytes: number }>(
      'SELECT stored, expired, bytes FROM example_totals WHERE task = ?',
    ),
    counts: database.prepare<[string], Counts>(`
      SELECT count(*) AS examples, count(label) AS labelled, sum(length(features)) AS bytes,
        min(from_ms) AS oldest, max(to_ms) AS newest FROM examples WHERE task = ?`),
    examples: database.prepare<[string, number], ExampleRow>(`
      SELECT sequence, id, source, from_ms AS fromMs, to_ms AS toMs, features, label
      FROM examples WHERE task = ? AND (? OR label IS NOT NULL) ORDER BY sequence`),
    newest: database.prepare<[string, number], ExampleRow>(`
      SELECT sequence, id, source, from_ms AS fromMs, to_ms AS toMs, features, label
      FROM examples WHERE task = ? AND label IS NOT NULL ORDER BY sequence DESC LIMIT ?`),
    revision: database.prepare<[string], { last: number; labelled: number }>(`
      SELECT coalesce(max(sequence), 0) AS last, count(label) AS labelled FROM examples WHERE task = ?`),
  };
}
