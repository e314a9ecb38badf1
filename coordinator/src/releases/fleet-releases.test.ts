import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteStore, type Store } from '../storage/index.js';
import { deviceId } from '../testing/values.js';
import { createFleetReleases, type FleetReleases } from './fleet-releases.js';
import type { ReleaseHealth } from './store.js';

const devices = ['a', 'b', 'c'].map((name) => deviceId(`device-${name}`));
let folder: string;
let store: Store;
let nowMs: number;
const revoked = new Set<string>();
let fleet: FleetReleases;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-fleet-releases-'));
  store = await openSqliteStore(join(folder, 'coordinator.db'));
  nowMs = 1_000_000;
  revoked.clear();
  const targets = async () => [{ path: 'pump/2/release.json', sizeBytes: 1, sha256: '00'.repeat(32) }];
  fleet = createFleetReleases(store.releases, { targets }, () => nowMs, {
    all: async () => new Map(devices.filter((device) => !revoked.has(device)).map((device) => [device, {}])),
    labelsOf: async (device) => (revoked.has(device) ? undefined : {}),
  });
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** What a device is told to run of "pump" after it said how version 2 does, or that it has nothing. */
async function report(index: number, health?: ReleaseHealth): Promise<number | undefined> {
  nowMs += 1_000;
  const running = health === undefined ? [] : [{ name: 'pump', version: 2, health, reason: '' }];
  return (await fleet.report(devices[index], running))[0]?.version;
}

async function start(stages: readonly number[]): Promise<void> {
  await fleet.start({ name: 'pump', version: 2, stages, provenPercent: 100, failuresMax: 0 });
}

const state = async () => (await fleet.rollouts())[0].rollout;

test('the last stage completes when all whom it reaches have proven the release, not only the first', async () => {
  for (const index of [0, 1, 2]) await report(index);
  await start([100]);
  expect(await report(0)).toBe(2);
  expect(await report(0, 'proven')).toBe(2);
  expect((await state()).state).toBe('running');
  await report(1, 'proven');
  await report(2, 'watched');
  expect((await state()).state).toBe('running');
  await report(2, 'proven');
  expect((await state()).state).toBe('completed');
});

test('a stage waits for each device that it reaches, and one that reaches nobody is passed over', async () => {
  for (const index of [0, 1, 2]) await report(index);
  await start([0.001, 100]);
  await report(0);
  expect((await state()).stage).toBe(1);
  await report(0, 'proven');
  await report(0, 'proven');
  expect(await state()).toMatchObject({ stage: 1, state: 'running' });
});

test('what was said of the version in an earlier rollout proves nothing', async () => {
  await report(0);
  await start([100]);
  await report(0, 'trying');
  await fleet.control('pump', 'abort');
  await report(0, 'proven');
  nowMs += 1_000;
  await start([100]);
  expect((await state()).state).toBe('running');
  await report(0);
  expect((await state()).state).toBe('running');
  await report(0, 'proven');
  expect((await state()).state).toBe('completed');
});

test('a device that was not heard of for a day holds nothing up', async () => {
  await report(1);
  nowMs += 25 * 3600 * 1000;
  await report(0);
  await start([100]);
  await report(0, 'proven');
  expect((await state()).state).toBe('completed');
});

test('nor does one that was revoked', async () => {
  for (const index of [0, 1]) await report(index);
  revoked.add(devices[1]);
  await start([100]);
  await report(0, 'proven');
  expect((await state()).state).toBe('completed');
});
