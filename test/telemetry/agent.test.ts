import { join } from 'node:path';
import { connect, createClient, TelemetryQueryService } from '@starling/proto';
import { expect, test } from 'vitest';
import {
  enrolmentToken,
  operatorSecurity,
  runCommand,
  startAgentProcess,
  startCoordinatorProcess,
  temporaryFolder,
  until,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';

test('an agent tells of its machine and of what worries it, and an operator reads it', async () => {
  const scope = testScope();
  const folder = await temporaryFolder(scope, 'telemetry');
  const coordinator = await startCoordinatorProcess(scope, { folder: join(folder, 'coordinator') });
  const agent = await startAgentProcess(scope, {
    coordinator: coordinator.address,
    deviceId: 'gateway-1',
    stateFolder: join(folder, 'state'),
    token: await enrolmentToken(coordinator, 'gateway-1'),
    // Not there: worth a warning.
    examples: { pump: join(folder, 'examples') },
    telemetry: true,
  });
  const client = ['--coordinator', coordinator.address, '--data', coordinator.folder, '--json'];
  const rows = async (...args: string[]): Promise<Record<string, unknown>[]> => {
    const { stdout, stderr, code } = await runCommand('starling', ['telemetry', ...args, ...client]);
    expect(code, stderr).toBe(0);
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  };
  const connection = connect(coordinator.address, await operatorSecurity(coordinator.folder));
  scope.onClose(() => connection.close());
  const queries = createClient(TelemetryQueryService, connection);
  await until('both streams', async () =>
    (await queries.listTelemetryStreams({ deviceId: '' })).streams.length === 2 ? true : undefined,
  );

  const metrics = await rows('query', '--stream', 'metrics', '--limit', '0');
  const names = new Set(metrics.map(({ name }) => name));
  for (const name of [
    'system.cpu.utilization',
    'system.memory.usage',
    'process.memory.usage',
    'system.filesystem.usage',
  ]) {
    expect(names).toContain(name);
  }
  expect(metrics.every(({ device, value }) => device === 'gateway-1' && typeof value === 'number')).toBe(
    true,
  );
  const [warning] = await rows('query', '--stream', 'logs', '--device', 'gateway-1', '--since', '1h');
  expect(warning).toMatchObject({
    name: 'log',
    value: expect.stringContaining('There is no folder'),
    attributes: { severity: 'warn', task: 'pump' },
  });
  const stateOf = async () => {
    const { stdout } = await runCommand('starling-agent', [
      'status',
      '--state',
      join(folder, 'state'),
      '--json',
    ]);
    return JSON.parse(stdout);
  };
  const running = await until('its standing', async () => {
    const { standing } = await stateOf();
    return standing?.connection.kind === 'connected' ? standing : undefined;
  });
  expect(running).toMatchObject({
    isCurrent: true,
    processId: agent.pid,
    training: { kind: 'idle', work: null },
    lastRound: null,
  });
  await agent.end('SIGTERM');
  expect(await stateOf()).toMatchObject({ processId: null, standing: { isCurrent: false } });
  // What it measured last, when it was asked to stop, is kept for its next start or was delivered.
  expect((await agent.exited).code).toBe(0);
});
