import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVirtualClock } from '@starling/federation';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from '../testing/small-task.js';
import { notifySystemd } from './systemd.js';

test('systemd is told of readiness, of life twice in each watchdog period, and of the end', async () => {
  const folder = await temporaryFolder();
  // Stands in for systemd-notify, which needs a socket of systemd.
  const command = join(folder, 'notify');
  const told = join(folder, 'told');
  await writeFile(command, `#!/bin/sh\necho "$1" >> ${told}\n`);
  await chmod(command, 0o755);
  const clock = createVirtualClock();
  const environment = { NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '60000000', PATH: process.env.PATH };
  const notifier = notifySystemd({ environment, clock, command });
  const lines = async () => (await readFile(told, 'utf8').catch(() => '')).trim().split('\n').sort();
  await vi.waitFor(async () => expect(await lines()).toEqual(['READY=1', 'WATCHDOG=1']));
  clock.advance(29_999);
  clock.advance(1);
  await vi.waitFor(async () => expect(await lines()).toEqual(['READY=1', 'WATCHDOG=1', 'WATCHDOG=1']));
  notifier.close();
  clock.advance(120_000);
  await vi.waitFor(async () => expect(await lines()).toContain('STOPPING=1'));
  expect(await lines()).toHaveLength(4);
  notifySystemd({ environment: {}, clock, command }).close();
});
