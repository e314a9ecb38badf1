import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CoordinatorError } from '../errors.js';
import { summaryOf } from '../runner/run-actor.js';
import { evolveRun, type RunEvent, type RunState } from '../runs/index.js';
import { temporaryFolder } from '../testing/coordinator-fixture.js';
import { artifact, deviceId, runId, runStarted, taskName } from '../testing/values.js';
import { lockFolder, openSqliteStore, type Store } from './index.js';

let folder = '';
let store: Store;

beforeEach(async () => {
  folder = await temporaryFolder();
  store = await openSqliteStore(join(folder, 'coordinator.db'));
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function reopen(): Promise<void> {
  await store.close();
  store = await openSqliteStore(join(folder, 'coordinator.db'));
}

function fold(events: readonly RunEvent[]): RunState {
  const [first, ...rest] = events;
  return rest.reduce((state, event) => evolveRun(state, event), evolveRun(null, first));
}

const ended: RunEvent = { kind: 'run-ended', atMs: 9, state: 'stopped', reason: 'Stopped.' };

test('events and the summary they lead to come back as they were stored', async () => {
  const started = runStarted('a');
  await store.events.append(runId('a'), 0, [started], summaryOf(fold([started])));
  await store.events.append(runId('a'), 1, [ended], summaryOf(fold([started, ended])));
  await reopen();
  expect(await store.events.read(runId('a'), 0, 10)).toEqual([
    { sequence: 1, event: started },
    { sequence: 2, event: ended },
  ]);
  expect(await store.events.read(runId('a'), 1, 10)).toEqual([{ sequence: 2, event: ended }]);
  expect(await store.events.read(runId('a'), 0, 1)).toHaveLength(1);
  expect(await store.runs.find(runId('a'))).toEqual(summaryOf(fold([started, ended])));
  expect(await store.runs.find(runId('b'))).toBeUndefined();
});

test('a writer that does not know the newest event is refused, and its summary with it', async () => {
  const started = runStarted('a');
  const before = summaryOf(fold([started]));
  await store.events.append(runId('a'), 0, [started], before);
  await store.events.append(runId('a'), 1, [ended], summaryOf(fold([started, ended])));
  await expect(store.events.append(runId('a'), 1, [ended], before)).rejects.toThrow(/UNIQUE/);
  expect((await store.runs.find(runId('a')))?.state).toBe('stopped');
});

test('lists runs newest first, of one task or of all', async () => {
  for (const [id, task, atMs] of [
    ['a', 'x', 1],
    ['b', 'y', 2],
    ['c', 'x', 3],
  ] as const) {
    const started = runStarted(id, { taskName: taskName(task), atMs });
    await store.events.append(runId(id), 0, [started], summaryOf(fold([started])));
  }
  expect((await store.runs.list()).map((run) => run.runId)).toEqual(['c', 'b', 'a']);
  expect((await store.runs.list(taskName('x'))).map((run) => run.runId)).toEqual(['c', 'a']);
});

test('keeps every version of a task', async () => {
  const task = {
    name: taskName('x'),
    version: 1,
    definitionJson: '{}',
    planManifest: artifact('1'),
    parameterCount: 3,
    updatedAtMs: 5,
    signature: {
      ownerKey: Buffer.alloc(32, 1),
      signature: Buffer.alloc(64, 2),
      termsJson: '{"epochs":1}',
    },
  };
  await store.tasks.add(task);
  await store.tasks.add({ ...task, version: 2, definitionJson: '{"a":1}' });
  expect(await store.tasks.newest(task.name)).toMatchObject({ version: 2 });
  expect(await store.tasks.version(task.name, 1)).toEqual(task);
  expect(await store.tasks.list()).toMatchObject([{ version: 2 }]);
  await expect(store.tasks.add(task)).rejects.toThrow(/UNIQUE/);
});

test('a device keeps the moment it was first seen', async () => {
  const device = { deviceId: deviceId('d'), firstSeenMs: 1, lastSeenMs: 1, agentVersion: '1' };
  await store.devices.upsert([device]);
  await store.devices.upsert([{ ...device, firstSeenMs: 5, lastSeenMs: 5, agentVersion: '2' }]);
  expect(await store.devices.list()).toEqual([{ ...device, lastSeenMs: 5, agentVersion: '2' }]);
});

test('the index of artifacts takes one content once, and forgets what is removed', async () => {
  const entry = { ...artifact('2'), purpose: 'checkpoint', createdAtMs: 1 } as const;
  await store.artifacts.add(entry);
  await store.artifacts.add({ ...entry, createdAtMs: 2 });
  expect(await store.artifacts.find(entry.sha256)).toEqual(entry);
  await store.artifacts.remove([entry.sha256]);
  expect(await store.artifacts.list()).toEqual([]);
});

test('one coordinator locks a folder, the next is told so until the first is gone', () => {
  const lock = lockFolder(join(folder, 'lock'), folder);
  const second = (): unknown => lockFolder(join(folder, 'lock'), folder);
  expect(second).toThrow(CoordinatorError);
  expect(second).toThrow(/is in use by another coordinator/);
  lock.release();
  lockFolder(join(folder, 'lock'), folder).release();
});
