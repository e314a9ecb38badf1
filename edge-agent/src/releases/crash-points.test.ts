/** The process ends, or the power fails, at every single call that changes the disk: what serves is signed, and the end is right. */
import { rm } from 'node:fs/promises';
import { createSeededEntropy, createVirtualClock } from '@starling/federation';
import { describe, expect, test } from 'vitest';
import { passTime, releaseDevice } from '../testing/release-device.js';
import { type CrashMode, crashingFiles, type MemoryDisk, memoryDisk } from '../testing/release-disk.js';
import { releaseRepository, sha256Of } from '../testing/release-repository.js';
import { temporaryFolder } from '../testing/small-task.js';
import { diskFiles, type ReleaseFiles, type ReleasesState } from './index.js';

const startMs = Date.UTC(2026, 0, 1);
const models = [1, 2].map((version) => Buffer.alloc(150, `model ${version} `));
const signed = new Map(models.map((model, index) => [index + 1, sha256Of(model)]));

const clock = createVirtualClock(startMs);
const repository = releaseRepository(clock);
for (const [index, model] of models.entries()) {
  repository.release(index + 1, model, { health: { watchMs: 100 } });
}

const provenVersion = ({ models: { pump } }: ReleasesState): number =>
  pump?.stage.kind === 'resting' ? (pump.active?.version ?? 0) : 0;

/** Installs version 1, then 2; the process ends at one call and starts again. Gives the calls of the first process. */
async function updateThrough(
  files: ReleaseFiles,
  at: number,
  how: CrashMode,
  restart: () => void,
  turn?: () => Promise<void>,
) {
  const first = crashingFiles(files, at, how);
  let isOver = false;
  void first.crashed.then(() => {
    isOver = true;
  });
  let proven = 0;
  for (const disk of [first, files]) {
    const options = { clock, files: disk, transport: repository, signed };
    const device = await releaseDevice(options).catch((error: unknown) => {
      if (!isOver) throw error;
    });
    if (device !== undefined) {
      // Once there was one, there is never none.
      if (proven > 0) expect(device.serving).toBeGreaterThanOrEqual(proven);
      await passTime(
        clock,
        () => {
          proven = Math.max(proven, provenVersion(device.releases.state));
          repository.wanted = [{ name: 'pump', version: proven === 0 ? 1 : 2 }];
          if (proven > 0) expect(device.serving).toBeGreaterThanOrEqual(proven);
          return proven === 2 || (disk === first && isOver);
        },
        turn,
      );
      await device.releases.close().catch((error: unknown) => {
        if (!isOver) throw error;
      });
      if (!isOver) expect(device.serving).toBe(2);
    }
    if (disk === first && !isOver) break;
    if (disk === first) restart();
  }
  expect(proven).toBe(2);
  return { calls: first.calls, isOver };
}

describe.each(['before', 'half'] as const)('a process that ends %s a call', (how) => {
  test('of a disk that the power leaves with any part of what was not synchronised', async () => {
    let points = 0;
    for (let at = 1; ; at++) {
      const disk: MemoryDisk = memoryDisk();
      const entropy = createSeededEntropy(`${how} ${at}`);
      const { isOver } = await updateThrough(disk, at, how, () => disk.losePower(entropy));
      if (!isOver) break;
      points += 1;
    }
    expect(points).toBeGreaterThan(how === 'half' ? 15 : 50);
  });
});

const aMoment = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

test('a process that ends at every third call of a real file system', async () => {
  let points = 0;
  for (let at = 1; ; at += 3) {
    const folder = await temporaryFolder();
    const { isOver } = await updateThrough(diskFiles(folder), at, 'after', () => {}, aMoment);
    await rm(folder, { recursive: true });
    if (!isOver) break;
    points += 1;
  }
  expect(points).toBeGreaterThan(15);
});
