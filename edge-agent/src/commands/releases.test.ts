/** What a person sees of a device's releases, and how what was given up may be tried again. */
import { join } from 'node:path';
import { createSeededEntropy } from '@starling/federation';
import { expect, onTestFinished, test } from 'vitest';
import { diskFiles } from '../releases/disk-files.js';
import { keepState, readState } from '../releases/kept-state.js';
import { releasesFolder } from '../releases/paths.js';
import { takeRetryWishes } from '../releases/retry-wishes.js';
import { type InstalledRelease, nothingReleased, type SlotFile } from '../releases/state.js';
import { deviceId } from '../state/device-id.js';
import { lockState } from '../state/lock.js';
import { sha256Of } from '../testing/release-repository.js';
import { runCommand } from '../testing/run-command.js';
import { temporaryFolder } from '../testing/small-task.js';

const reason = 'It tells 0 % right.';
const hash = (digit: string): string => digit.repeat(64);
const lineage = {
  task: { name: 'vibration', version: 2 },
  run: { id: 'vibration-7', round: 12, checkpointSha256: hash('c') },
  planSha256: hash('d'),
  contractSha256: hash('e'),
  quantization: { method: 'static', reportSha256: hash('f') },
  publishedBy: ['a'.repeat(43)],
  tools: { starling: '0.1.0' },
};

/** The state directory of a device that serves version 1 and gave up 2 and 3. */
async function device() {
  const folder = await temporaryFolder();
  await deviceId(folder, 'porch', createSeededEntropy('porch'));
  const files = diskFiles(join(folder, releasesFolder));
  const bytes = Buffer.from(JSON.stringify(lineage));
  await files.write('pump/a/lineage.json', 0, bytes);
  const file: SlotFile = { name: 'lineage.json', sha256: sha256Of(bytes), sizeBytes: bytes.byteLength };
  const health = {
    ...{ watchMs: 0, latencyMsMax: null, accuracyMin: null, agreementMin: null },
    ...{ errorShareMax: 0.05, crashesMax: 2, scoreDriftMax: null },
  };
  const active: InstalledRelease = { version: 1, slot: 'a', files: [file], deltas: [], health, task: 'pump' };
  const failed = [2, 3].map((version) => ({ version, reason }));
  await keepState(files, { alive: true, models: { pump: { ...nothingReleased, active, failed } } });
  const failedNow = async () => (await readState(files)).models.pump.failed.map(({ version }) => version);
  return { folder, files, failedNow };
}

test('releases are shown with where they are from', async () => {
  const { folder, files } = await device();
  const shown = (await runCommand('releases', '--state', folder)).stdout;
  expect(shown).toContain('version 1 serves, proven');
  expect(shown).toContain(
    'from task vibration; run vibration-7, round 12; static (report ffffffffffff); plan dddddddddddd; contract eeeeeeeeeeee; published by aaaaaaaaaaaa',
  );
  expect(shown).toContain(`failed  version 3: ${reason}`);
  const json = JSON.parse((await runCommand('releases', '--state', folder, '--json')).stdout);
  expect(json.lineages.pump[1]).toEqual(lineage);
  // What is not what was signed is not shown.
  await files.write('pump/a/lineage.json', 3, Buffer.from('x'));
  expect((await runCommand('releases', '--state', folder)).stdout).not.toContain('vibration-7');
});

test('where no agent runs, what was given up is forgotten at once', async () => {
  const { folder, failedNow } = await device();
  const one = await runCommand('releases', 'retry', 'pump', '3', '--state', folder, '--json');
  expect(one.code).toBe(0);
  expect(JSON.parse(one.stdout)).toEqual({
    answer: 'forgotten',
    name: 'pump',
    versions: [{ version: 3, reason }],
  });
  expect(await failedNow()).toEqual([2]);
  const again = await runCommand('releases', 'retry', 'pump', '3', '--state', folder);
  expect(again.code).not.toBe(0);
  expect(again.stderr).toContain('No version 3 of pump was given up on this device; ');
  expect((await runCommand('releases', 'retry', 'pump', '--state', folder)).stdout).toContain(
    'Version 2 of pump',
  );
  expect(await failedNow()).toEqual([]);
});

test('where one runs, it is asked: its state is its own', async () => {
  const { folder, files, failedNow } = await device();
  const lock = await lockState(folder);
  onTestFinished(() => lock.release());
  const asked = await runCommand('releases', 'retry', 'pump', '--state', folder, '--json');
  expect(JSON.parse(asked.stdout)).toMatchObject({
    answer: 'asked',
    versions: [{ version: 2 }, { version: 3 }],
  });
  expect(await failedNow()).toEqual([2, 3]);
  const wishes: unknown[] = [];
  await takeRetryWishes(files, async (wish) => void wishes.push(wish));
  expect(wishes).toEqual([{ name: 'pump' }]);
  await takeRetryWishes(files, async (wish) => void wishes.push(wish));
  expect(wishes).toHaveLength(1);
});
