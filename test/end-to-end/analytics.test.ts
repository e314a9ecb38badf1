/** Asks real agents about their examples, and compares with what their files say. */
import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askSigned } from '@starling/coordinator';
import { type AnalyticsResult, formatQuery, type Statistic } from '@starling/federation';
import { beforeAll, expect, test } from 'vitest';
import { createScope, examplesFolder, type Fleet, startFleet } from '../support/index.js';

const agents = 3;
const scope = createScope();
let fleet: Fleet;
/** Of all agents: `reading.1`, and the class. */
let readings: number[];
let kinds: number[];

beforeAll(async () => {
  const overrides = { secureAggregation: { corruptFraction: 0, dropoutFraction: 0, answersMs: 5_000 } };
  fleet = await startFleet(scope, { agents, rounds: 1, examples: [40, 60, 25], overrides });
  const rows = await Promise.all(
    Array.from({ length: agents }, async (_, index) => {
      const csv = await readFile(join(examplesFolder(fleet.folder, index), 'examples.csv'), 'utf8');
      return csv.trim().split('\n').slice(1);
    }),
  );
  const cells = rows.flat().map((row) => row.split(',').map(Number));
  readings = cells.map((row) => row[1]);
  kinds = cells.map((row) => row[4]);
  await fleet.operator.apply(fleet.task);
  return () => scope.close();
}, 60_000);

async function ask(
  column: string,
  statistic: Statistic,
  epsilon?: number,
  taskName = fleet.task.name,
): Promise<AnalyticsResult> {
  const query = { column, statistic, valuesMax: 100 };
  const { runId } = await fleet.operator.ask({ taskName, query, epsilon });
  const run = await fleet.operator.ended(runId);
  expect(run).toMatchObject({ state: 'completed', analyticsQueryJson: formatQuery(query) });
  return JSON.parse(run.analyticsResultJson) as AnalyticsResult;
}

const range = { minimum: -4, maximum: 8 };

test('counts, moments, histograms, quantiles and heavy hitters are those of all devices together', async () => {
  expect(await ask('reading.1', { kind: 'count' })).toEqual({ kind: 'count', count: 125 });

  const mean = readings.reduce((sum, value) => sum + value, 0) / 125;
  const variance = readings.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 125;
  const total = await ask('reading.1', { kind: 'sum', ...range });
  expect(total).toMatchObject({ count: 125, sum: expect.closeTo(125 * mean, 1) });
  expect(await ask('reading.1', { kind: 'mean', ...range })).toMatchObject({ mean: expect.closeTo(mean, 2) });
  const moments = await ask('reading.1', { kind: 'variance', ...range });
  expect(moments).toMatchObject({
    count: 125,
    mean: expect.closeTo(mean, 2),
    variance: expect.closeTo(variance, 1),
  });

  const histogram = await ask('reading.1', { kind: 'histogram', ...range, bins: 3 });
  const inside = (from: number, to: number) => readings.filter((value) => value >= from && value < to).length;
  expect(histogram).toMatchObject({
    count: 125,
    edges: [-4, 0, 4, 8],
    counts: [inside(-4, 0), inside(0, 4), inside(4, 8)],
    below: 0,
    above: 0,
  });

  const median = [...readings].sort((a, b) => a - b)[62];
  const quantiles = await ask('reading.1', { kind: 'quantiles', ...range, quantiles: [0.5], bins: 1200 });
  expect(quantiles.kind === 'quantiles' && Math.abs(quantiles.quantiles[0].value - median)).toBeLessThan(
    0.02,
  );

  const hitters = await ask('kind', { kind: 'heavy-hitters', top: 2, share: 0.05 });
  const frequent = [0, 1, 2]
    .map((kind) => ({ value: kind, count: kinds.filter((each) => each === kind).length }))
    .sort((a, b) => b.count - a.count);
  expect(hitters).toEqual({ kind: 'heavy-hitters', count: 125, values: frequent.slice(0, 2) });
}, 60_000);

test('questions that make no sense are refused before any device hears of them', async () => {
  const refusal = (column: string, statistic: Statistic, epsilon?: number) =>
    expect(ask(column, statistic, epsilon)).rejects;
  await refusal('speed', { kind: 'count' }).toMatchObject({
    code: 'ANALYTICS_INVALID',
    message: expect.stringContaining('reading, kind'),
  });
  await refusal('reading', { kind: 'heavy-hitters', top: 1, share: 0.1 }).toMatchObject({
    code: 'ANALYTICS_INVALID',
    remedy: expect.stringContaining('histogram'),
  });
  await refusal('reading', { kind: 'count' }, 1).toMatchObject({
    code: 'ANALYTICS_INVALID',
    message: expect.stringContaining('no privacy budget'),
  });
});

test('a question that the task’s owner did not sign is refused', async () => {
  const { operations } = fleet.operator;
  const taskName = fleet.task.name;
  const query = { column: 'reading', statistic: { kind: 'count' }, valuesMax: 100 } as const;
  const queryJson = formatQuery(query);
  await expect(operations.startAnalytics({ taskName, queryJson })).rejects.toMatchObject({
    code: 'QUERY_UNSIGNED',
    remedy: expect.stringContaining('starling analytics run'),
  });
  const stranger = generateKeyPairSync('ed25519').privateKey;
  await expect(askSigned(operations, { taskName, query }, stranger, 1)).rejects.toMatchObject({
    code: 'QUERY_SIGNATURE_INVALID',
    remedy: expect.stringContaining('--key'),
  });
});

test('a task with a privacy budget pays for every answer, and gives none once it is used up', async () => {
  const privacy = { kind: 'central', epsilon: 2.5, delta: 1e-5, clip: 1, noise: 5, accountant: 'rdp' };
  const task = { ...fleet.task, privacy };
  await fleet.operator.apply(task);
  await expect(ask('reading', { kind: 'count' })).rejects.toMatchObject({
    code: 'ANALYTICS_INVALID',
    message: expect.stringContaining('--epsilon'),
  });
  const result = await ask('reading.1', { kind: 'count' }, 2);
  // The noise is of about 100 · 2.3 = 230: an exact count would be a leak.
  expect(Number.isInteger(result.count)).toBe(false);
  const ledger = await fleet.operator.operations.getPrivacyLedger({ taskName: task.name });
  expect(ledger).toMatchObject({ epsilonBudget: 2.5, accountant: 'rdp' });
  expect(ledger.entries).toHaveLength(1);
  expect(ledger.epsilon).toBeGreaterThan(1.99);
  expect(ledger.epsilon).toBeLessThanOrEqual(2);

  const query = { column: 'reading.1', statistic: { kind: 'count' }, valuesMax: 100 } as const;
  const again = await fleet.operator.ask({ taskName: task.name, query, epsilon: 2 });
  const refused = await fleet.operator.ended(again.runId);
  expect(refused).toMatchObject({
    state: 'completed',
    reason: expect.stringContaining('budget is used up'),
    roundsCommitted: 0,
    analyticsResultJson: '',
  });
}, 60_000);
