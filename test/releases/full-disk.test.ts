/** A real file system without room, on which a device is to take over a release; it is killed there too. */
import { execFile } from 'node:child_process';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startCoordinatorProcess, temporaryFolder, until } from '../support/index.js';
import { releasing, scalingModel, startServingDevice } from '../support/releasing.js';
import { testScope } from '../support/test-scope.js';

const run = promisify(execFile);
/** Only root makes a file system; elsewhere the disk in memory has to do, which refuses every byte in turn. */
const missing = process.platform === 'linux' && process.getuid?.() === 0 ? undefined : 'needs root to mount';
const deviceBytes = 16 << 20;

test.skipIf(missing !== undefined)(
  `a device with a full disk serves what it has, also after SIGKILL, and goes on once there is room${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  async () => {
    const scope = testScope();
    const folder = await temporaryFolder(scope, 'full-disk');
    const state = join(folder, 'gateway');
    await mkdir(state, { mode: 0o700 });
    await run('mount', ['-t', 'tmpfs', '-o', `size=${deviceBytes},mode=700`, 'tmpfs', state]);
    scope.onClose(async () => void (await run('umount', ['--lazy', state])));
    const coordinator = await startCoordinatorProcess(scope, { folder: join(folder, 'coordinator') });
    const { starling, publish, rollOut, rolloutState } = await releasing(scope, coordinator, folder);
    await starling('release', 'init');
    for (const version of [1, 2]) await publish(version, scalingModel(version), '--watch-minutes', '0.005');
    const completed = (version: number) =>
      until(
        `the end of rollout ${version}`,
        async () => (await rolloutState(version)) === 'completed' || undefined,
      );

    let device = await startServingDevice(scope, coordinator, folder, 'gateway');
    await rollOut(1);
    await completed(1);
    expect(await device.answer()).toBe(1);

    const ballast = join(state, 'ballast');
    const { bavail, bsize } = await statfs(state);
    await writeFile(ballast, Buffer.alloc(bavail * bsize));
    expect((await statfs(state)).bavail).toBe(0);
    await rollOut(2);
    await until(
      'the word of the full disk',
      async () => (await starling('release', 'status')).includes('room') || undefined,
    );
    expect(await device.answer()).toBe(1);
    await device.process.end('SIGKILL');
    device = await startServingDevice(scope, coordinator, folder, 'gateway');
    expect(await device.answer()).toBe(1);

    await rm(ballast);
    await completed(2);
    expect(await device.answer()).toBe(2);
  },
  90_000,
);
