import { join } from 'node:path';
import { openAgentDatabase, telemetryMigrations } from '@starling/edge-agent';
import {
  connect,
  createClient,
  type StoredTelemetryRecord,
  type TelemetryLoss,
  TelemetryQueryService,
} from '@starling/proto';
import { describe, expect, test } from 'vitest';
import {
  numberedRecord,
  operatorSecurity,
  startTelemetryDevice,
  temporaryFolder,
  until,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';
import { ways } from './ways.js';

const settings = {
  streams: [
    { name: 'alarms', priority: 'high', timeToLiveMs: null },
    { name: 'readings', priority: 'normal', timeToLiveMs: null },
  ],
  budgetBytes: 8 << 20,
  bytesPerSecondMax: null,
  metricsPeriodMs: 60_000,
} as const;

/** More than the coordinator takes at a time (TelemetryBatch). */
const lost: readonly TelemetryLoss[] = Array.from({ length: 5_000 }, (_, n) => ({
  firstSequence: 3 * n,
  endSequence: 3 * n + 3,
  reason: n % 2 === 0 ? 'expired' : 'budget',
}));

/** As if the device had given up so much of its alarms while it was away. */
function giveUp(stateFolder: string): void {
  const database = openAgentDatabase(stateFolder, telemetryMigrations);
  const stream = database.prepare('INSERT INTO telemetry_streams VALUES (?, ?, ?, ?)');
  const loss = database.prepare('INSERT INTO telemetry_losses VALUES (?, ?, ?, ?)');
  database.transaction(() => {
    stream.run('alarms', '0123456789abcdef', 3 * lost.length, 0);
    for (const { firstSequence, endSequence, reason } of lost)
      loss.run('alarms', firstSequence, endSequence, reason);
  })();
  database.close();
}

describe.each(ways)('over $name', ({ link, start }) => {
  test('records arrive once, in order, with every loss, and the device forgets them when they are durable', async () => {
    const scope = testScope();
    const folder = join(await temporaryFolder(scope, 'telemetry'), 'coordinator');
    const { coordinator } = await start(scope, folder);
    const state = await temporaryFolder(scope, 'device');
    giveUp(state);
    const device = await startTelemetryDevice(coordinator, 'gateway-1', state, settings);
    scope.onClose(() => device.close());
    const records = Array.from({ length: 3_000 }, (_, index) => numberedRecord(index, 1_000 + index));
    await device.telemetry.record('readings', records.slice(0, 1_000));
    await until('a connection', () => device.telemetry.status().link);
    expect(device.telemetry.status().link).toBe(link);
    await device.telemetry.record('readings', records.slice(1_000));
    await device.telemetry.record('alarms', [numberedRecord(-1, 500)]);
    await until('all watermarks', () =>
      device.telemetry.status().streams.every(({ next, acknowledged }) => next === acknowledged)
        ? true
        : undefined,
    );
    expect(device.telemetry.status().bytes).toBe(0);

    const connection = connect(coordinator.address, await operatorSecurity(coordinator.folder));
    scope.onClose(() => connection.close());
    const queries = createClient(TelemetryQueryService, connection);
    const query = { deviceId: 'gateway-1', stream: 'readings', name: '', fromMs: 0, toMs: 0, limit: 0 };
    const held: StoredTelemetryRecord[] = [];
    for await (const page of queries.queryTelemetry(query)) held.push(...page.records);
    expect(held.map(({ sequence }) => sequence)).toEqual(records.map((_, index) => index));
    expect(held.map(({ record }) => record)).toEqual(records);
    const { streams } = await queries.listTelemetryStreams({ deviceId: '' });
    expect(streams.map(({ stream, recordsHeld, losses }) => [stream, recordsHeld, losses])).toEqual([
      ['alarms', 1, lost],
      ['readings', 3_000, []],
    ]);
  });
});
