/** A fleet whose authority's key never comes near the coordinator: requests and certificates are carried as files. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  type Finished,
  runCommand,
  startCoordinatorProcess,
  startProcess,
  temporaryFolder,
  until,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';

test('a device that enrols waits until its request was carried to the authority, and is then certified', async () => {
  const scope = testScope();
  const folder = await temporaryFolder(scope, 'offline');
  const at = (name: string): string => join(folder, name);
  await done('starling', 'authority', 'init', at('vault'));
  await done('starling', 'authority', 'coordinator', at('vault'), '--output', at('carry'));
  await expect(access(at('carry/authority.key'))).rejects.toThrow('ENOENT');
  const data = at('coordinator');
  const coordinator = await startCoordinatorProcess(scope, { folder: data, authority: at('carry') });
  const operator = [
    '--coordinator',
    coordinator.address,
    '--data',
    data,
    '--authority',
    at('carry/authority.pem'),
  ];
  const { token } = JSON.parse(
    (await done('starling', 'device', 'token', 'create', ...operator, '--json')).stdout,
  );
  const agent = startProcess(scope, 'starling-agent', [
    'enroll',
    ...[
      '--coordinator',
      coordinator.address,
      '--state',
      at('state'),
      '--device-id',
      'press-3',
      '--token',
      token,
    ],
  ]);
  await agent.lineWhere('waiting', (line) => line.includes('Waits for the fleet’s authority'));
  const before = JSON.parse(
    (await done('starling', 'device', 'show', 'press-3', ...operator, '--json')).stdout,
  );
  expect(before).toMatchObject({ state: 'pending', certificateEndsAtMs: 0 });
  await agent.end();

  await done('starling', 'device', 'requests', ...operator, '--output', at('requests.json'));
  const signed = await done(
    'starling',
    'authority',
    'sign',
    at('vault'),
    at('requests.json'),
    '-o',
    at('made.json'),
  );
  expect(signed.stderr).toMatch(/press-3 {2}group default {2}key [0-9a-f]{64}/);
  await done('starling', 'device', 'certify', at('made.json'), ...operator);
  // The same token with the same key: it asks again, and is answered.
  const args = ['--coordinator', coordinator.address, '--state', at('state'), '--token', token];
  const { stdout } = await done('starling-agent', 'enroll', ...args, '--json');
  expect(JSON.parse(stdout)).toMatchObject({ device: 'press-3' });
  await until('the device is active', async () => {
    const shown = await done('starling', 'device', 'show', 'press-3', ...operator, '--json');
    return JSON.parse(shown.stdout).state === 'active' ? true : undefined;
  });
}, 60_000);

async function done(command: 'starling' | 'starling-agent', ...args: readonly string[]): Promise<Finished> {
  const finished = await runCommand(command, args);
  expect(finished.code, finished.stderr).toBe(0);
  return finished;
}
