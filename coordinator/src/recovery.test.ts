/** What a killed coordinator left in its folder, opened again. The folder is copied while it is in use: what a kill leaves. */
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { float32Bytes } from '@starling/federation';
import { type Assignment, type RoundKey, requireField } from '@starling/proto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRun, summaryOf } from './runner/run-actor.js';
import { evolveRun, type RunState } from './runs/index.js';
import { openSqliteStore } from './storage/index.js';
import {
  eventsUntil,
  type Fixture,
  parameterCount,
  startFixture,
  taskJson,
  temporaryFolder,
} from './testing/coordinator-fixture.js';
import {
  awaitWork,
  deltaOf,
  finishWork,
  sha256,
  takePart,
  uploadMessages,
} from './testing/scripted-device.js';
import { runId as runIdOf } from './testing/values.js';

const devices = ['a', 'b', 'c'];
let folder = '';
let runId = '';
let fixture: Fixture;

beforeEach(async () => {
  folder = await temporaryFolder();
  await begin({ stop: { rounds: 1 } });
});

afterEach(async () => {
  await fixture.close();
  await rm(folder, { recursive: true, force: true });
});

/** A coordinator with a run that goes on, in a folder of its own. */
async function begin(task: Readonly<Record<string, unknown>>): Promise<void> {
  fixture = await startFixture({ folder: join(folder, 'first') });
  await fixture.applyTask(taskJson(task));
  runId = requireField((await fixture.operations.startRun({ taskName: 'toy', seed: 3 })).run, 'run').runId;
}

/** Kills the coordinator as far as its folder is concerned, lets `change` do more harm, and starts one on what is left. */
async function killAndRestart(
  change: (image: string) => Promise<void> = async () => undefined,
): Promise<void> {
  const image = join(folder, 'image');
  await copyOfLiving(join(folder, 'first'), image);
  await fixture.close();
  await change(image);
  fixture = await startFixture({ folder: image });
}

/** Some file may be removed while it is copied: then it is all copied again, as it is by now. */
async function copyOfLiving(from: string, to: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await cp(from, to, { recursive: true });
      return;
    } catch (error) {
      await rm(to, { recursive: true, force: true });
      if (tries === 10 || !(error instanceof Error && 'code' in error && error.code === 'ENOENT'))
        throw error;
    }
  }
}

/** Another coordinator with the same task, seed and devices. */
async function restart(task: Readonly<Record<string, unknown>>): Promise<void> {
  await fixture.close();
  await rm(folder, { recursive: true, force: true });
  folder = await temporaryFolder();
  await begin(task);
}

async function assignAll(): Promise<Assignment[]> {
  return Promise.all(devices.map((device) => awaitWork(fixture, device)));
}

async function committedRounds(): Promise<(RoundKey | undefined)[]> {
  const events = await eventsUntil(fixture, runId);
  return events.flatMap(({ kind }) => (kind?.kind === 'roundCommitted' ? [kind.value.round] : []));
}

test('killed while it recruits: goes on recruiting in the same attempt', async () => {
  const [first] = devices;
  const early = awaitWork(fixture, first).catch(() => undefined);
  await killAndRestart();
  await early;
  await Promise.all(devices.map((device) => takePart(fixture, device)));
  expect(await committedRounds()).toEqual([{ runId, round: 1, attempt: 1 }]);
});

test('killed while it collects: what was acknowledged is counted once, what was half sent goes on', async () => {
  const [a, b, c] = await assignAll();
  await finishWork(fixture, 'a', a);
  const half = [...uploadMessages(b, 'b')].slice(0, 4);
  await expect(fixture.rounds.uploadUpdate(half)).rejects.toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
  await killAndRestart(async (image) => {
    await writeFile(join(image, 'sums', `${runId}~1-1.2`), 'a sum whose event was never stored');
    await mkdir(join(image, 'spool', `${runId}~9-1`));
  });
  expect(await readdir(join(folder, 'image', 'sums'))).toEqual([`${runId}~1-1.1`]);
  expect(await readdir(join(folder, 'image', 'spool'))).toEqual([`${runId}~1-1`]);
  expect(await finishWork(fixture, 'a', a)).toBe(false);
  const again = await awaitWork(fixture, 'b');
  expect({ ...again, deadlineMs: 0 }).toEqual({ ...b, deadlineMs: 0 });
  const payload = float32Bytes(deltaOf(b));
  const { receivedBytes } = await fixture.rounds.getUpload({
    round: b.round,
    deviceId: 'b',
    sha256: sha256(payload),
  });
  expect(receivedBytes).toBe(48);
  await fixture.rounds.uploadUpdate(uploadMessages(b, 'b', { offsetBytes: receivedBytes }));
  await finishWork(fixture, 'c', c);
  const events = await eventsUntil(fixture, runId);
  const committed = events.flatMap(({ kind }) => (kind?.kind === 'roundCommitted' ? [kind.value] : []));
  expect(committed).toMatchObject([{ updates: 3, bytesUploaded: 3 * 4 * parameterCount }]);
});

test('killed while it aggregates: the commit is made, once, and is the one it would have been', async () => {
  await restart({ stop: { rounds: 1 }, cohort: { size: 3, minimum: 2 } });
  const [a, b] = await assignAll();
  await finishWork(fixture, 'a', a);
  await finishWork(fixture, 'b', b);
  await killAndRestart(closeCollection);
  expect(await committedRounds()).toEqual([{ runId, round: 1, attempt: 1 }]);
  const recovered = await checkpoint();

  await restart({ stop: { rounds: 1 }, cohort: { size: 3, minimum: 2 } });
  const [first, second, third] = await assignAll();
  await finishWork(fixture, 'b', second);
  await finishWork(fixture, 'a', first);
  await fixture.rounds.reportFailure({ round: third.round, deviceId: 'c', reason: 'training', message: '' });
  await eventsUntil(fixture, runId);
  expect(recovered).toEqual(await checkpoint());
});

test('a lost sum ends the attempt with a reason, and the next attempt gives the same checkpoint', async () => {
  const [a] = await assignAll();
  await finishWork(fixture, 'a', a);
  await killAndRestart((image) => rm(join(image, 'sums'), { recursive: true }));
  await Promise.all(devices.map((device) => takePart(fixture, device)));
  const events = await eventsUntil(fixture, runId);
  const reasons = events.flatMap(({ kind }) => (kind?.kind === 'roundAbandoned' ? [kind.value.reason] : []));
  expect(reasons).toEqual(['The partial sum of the counted updates cannot be read any more.']);
  const second = await checkpoint();

  await restart({ stop: { rounds: 1 } });
  await Promise.all(devices.map((device) => takePart(fixture, device)));
  await eventsUntil(fixture, runId);
  expect(second).toEqual(await checkpoint());
});

test('an ended run stays as it is, and can be resumed after a restart', async () => {
  await Promise.all(devices.map((device) => takePart(fixture, device)));
  await eventsUntil(fixture, runId);
  await killAndRestart();
  const { run } = await fixture.operations.resumeRun({ runId, rounds: 2 });
  expect(run).toMatchObject({ state: 'running', roundsCommitted: 1, roundsTarget: 2 });
  await Promise.all(devices.map((device) => takePart(fixture, device)));
  expect(await committedRounds()).toMatchObject([{ round: 1 }, { round: 2 }]);
});

test('a second coordinator on the folder is refused', async () => {
  await expect(startFixture({ folder: join(folder, 'first') })).rejects.toMatchObject({
    code: 'FOLDER_IN_USE',
  });
});

async function checkpoint(): Promise<unknown> {
  return requireField((await fixture.operations.getRun({ runId })).run, 'run').checkpoint;
}

/** What the deadline would have stored just before the kill. */
async function closeCollection(image: string): Promise<void> {
  const store = await openSqliteStore(join(image, 'coordinator.db'));
  const id = runIdOf(runId);
  const recorded = await readRun(store, id);
  const key = { runId: id, round: 1, attempt: 1 };
  const closed = { kind: 'collection-closed', atMs: 0, key, masked: false, cause: 'deadline' } as const;
  const events = [...recorded.map(({ event }) => event), closed];
  const state = events.reduce<RunState | null>(evolveRun, null);
  if (state === null) throw new Error('the run has events');
  await store.events.append(id, recorded.length, [closed], summaryOf(state));
  await store.close();
}
