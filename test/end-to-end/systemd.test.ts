/** The unit as systemd reads it, and the agent as its service manager hears it. */
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import {
  enrolmentToken,
  repositoryRoot,
  startCoordinatorProcess,
  startProcess,
  temporaryFolder,
  until,
} from '../support/index.js';
import { startNotifySocket, systemdMissing } from '../support/systemd.js';
import { testScope } from '../support/test-scope.js';

const missing = systemdMissing();
if (missing !== undefined) console.warn(`SKIPPED: ${missing}`);

test.skipIf(missing !== undefined)(
  'systemd finds nothing wrong with the unit, and little to harden',
  async () => {
    const folder = await temporaryFolder(testScope(), 'unit');
    const unit = join(folder, 'starling-agent.service');
    const text = await readFile(resolve(repositoryRoot, 'deploy/systemd/starling-agent.service'), 'utf8');
    // The command is not installed where the tests run; that it is there is all that systemd looks at.
    await writeFile(unit, text.replaceAll('/usr/bin/starling-agent', process.execPath));
    const analyze = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync('systemd-analyze', [...args, unit], { encoding: 'utf8' });
      return { status, said: `${stdout}${stderr}` };
    };
    const verified = analyze('verify');
    expect(verified.status, verified.said).toBe(0);
    // Unknown keys are only warned of.
    expect(verified.said).not.toContain('starling-agent.service');
    // Tenths of the exposure, of 100: a service that may do anything has 96.
    const security = analyze('security', '--offline=true', '--no-pager', '--threshold=20');
    expect(security.status, security.said).toBe(0);
  },
);

test.skipIf(missing !== undefined)(
  'the agent tells its service manager of readiness, again and again of life, and once of its end',
  async () => {
    const scope = testScope();
    const folder = await temporaryFolder(scope, 'notify');
    const socket = await startNotifySocket(scope, folder);
    const coordinator = await startCoordinatorProcess(scope, { folder: join(folder, 'coordinator') });
    const told = (words: string): number =>
      socket.process.lines().filter((line) => line.trim() === words).length;
    const agent = startProcess(
      scope,
      'starling-agent',
      [
        'run',
        ...['--coordinator', coordinator.address, '--state', join(folder, 'state'), '--device-id', 'gateway'],
        ...['--examples', `pump=${folder}`, '--no-telemetry'],
      ],
      {
        NOTIFY_SOCKET: socket.path,
        WATCHDOG_USEC: '400000',
        STARLING_AGENT_TOKEN: await enrolmentToken(coordinator, 'gateway'),
      },
    );
    await until('signs of life', async () => (told('WATCHDOG=1') >= 3 ? true : undefined));
    expect(told('READY=1')).toBe(1);
    expect(told('STOPPING=1')).toBe(0);
    await agent.end('SIGTERM');
    await until('the end', async () => (told('STOPPING=1') > 0 ? true : undefined));
    expect((await agent.exited).code).toBe(0);
    expect(told('READY=1')).toBe(1);
    expect(told('STOPPING=1')).toBe(1);
  },
);
