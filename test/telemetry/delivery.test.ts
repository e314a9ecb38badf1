import { connect, createClient, type StoredTelemetryRecord, TelemetryQueryService } from '@starling/proto';
import { expect, test } from 'vitest';
import {
  numberedRecord,
  operatorSecurity,
  startCoordinatorProcess,
  startTelemetryDevice,
  temporaryFolder,
  until,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';

test('records arrive once, in order, and can be queried', async () => {
  const scope = testScope();
  const folder = await temporaryFolder(scope, 'telemetry');
  const coordinator = await startCoordinatorProcess(scope, { folder: `${folder}/coordinator`, port: 0 });
  const state = await temporaryFolder(scope, 'device');
  const device = await startTelemetryDevice(
    coordinator,
    'd1',
    state,
    {
      streams: [{ name: 'readings', priority: 'normal', timeToLiveMs: null }],
      budgetBytes: 1 << 20,
      bytesPerSecondMax: null,
    },
    {
      info: (f, m) => console.log(m, f),
      warn: (f, m) => console.log(m, f),
      error: (f, m) => console.log(m, f),
    },
  );
  scope.onClose(() => device.close());
  const records = Array.from({ length: 1000 }, (_, index) => numberedRecord(index, 1000 + index));
  await device.telemetry.record('readings', records);
  scope.onClose(() => console.log(coordinator.lines().join('\n')));
  const connection = connect(coordinator.address, await operatorSecurity(coordinator.folder));
  scope.onClose(() => connection.close());
  const queries = createClient(TelemetryQueryService, connection);
  await until('all records', async () => {
    const [stream] = (await queries.listTelemetryStreams({ deviceId: 'd1' })).streams;
    return stream?.nextSequence === 1000 ? true : undefined;
  });
  const held: StoredTelemetryRecord[] = [];
  for await (const { records: some } of queries.queryTelemetry({
    deviceId: '',
    stream: '',
    name: '',
    fromMs: 0,
    toMs: 0,
    limit: 0,
  }))
    held.push(...some);
  expect(held.map(({ sequence }) => sequence)).toEqual(records.map((_, index) => index));
  expect(held.map(({ record }) => record)).toEqual(records);
  await until('the watermark', async () =>
    device.telemetry.status().waiting.every(({ records: waiting }) => waiting === 0) ? true : undefined,
  );
});
