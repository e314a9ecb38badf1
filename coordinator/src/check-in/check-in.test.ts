import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createVirtualClock, type VirtualClock } from '@starling/federation';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DeviceId, TaskName } from '../ids.js';
import { missingCapability } from '../runner/prepared-task.js';
import type { Work } from '../runner/work.js';
import { openSqliteStore, type Store } from '../storage/index.js';
import { temporaryFolder } from '../testing/coordinator-fixture.js';
import { deviceId, preparedTask, taskName, workFor } from '../testing/values.js';
import {
  type CheckInRequest,
  createCheckIn,
  createPool,
  type DeviceRegistry,
  openDeviceRegistry,
  type Pool,
  pacePeriodMs,
  paceWindow,
} from './index.js';

const task = preparedTask();
const pace = { checkInsPerSecond: 10, periodMsMin: 1000, periodMsMax: 60_000 };
let folder = '';
let store: Store;
let registry: DeviceRegistry;
let clock: VirtualClock;
let pool: Pool;
let arrivals: TaskName[] = [];
let unfinished: Map<DeviceId, Work>;

beforeEach(async () => {
  folder = await temporaryFolder();
  store = await openSqliteStore(join(folder, 'coordinator.db'));
  registry = await openDeviceRegistry(store, 100);
  clock = createVirtualClock();
  arrivals = [];
  unfinished = new Map();
  pool = createPool({
    clock,
    now: () => clock.now(),
    heldMax: 3,
    standingByMax: 10,
    onArrival: (taskNames) => arrivals.push(...taskNames),
  });
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

function request(device: string, changes: Partial<CheckInRequest> = {}): CheckInRequest {
  return {
    deviceId: deviceId(device),
    protocolRevision: 1,
    agentVersion: '1',
    capabilities: { runtimes: ['onnxruntime'], onnxOpset: 21, memoryBytes: 0 },
    taskNames: [task.name],
    holdMs: 30_000,
    signal: new AbortController().signal,
    ...changes,
  };
}

function open() {
  return createCheckIn({
    pool,
    registry,
    pace,
    holdMsMax: 60_000,
    now: () => clock.now(),
    workFor: (device) => unfinished.get(device),
    taskNamed: (name) => (name === task.name ? task : undefined),
  });
}

function candidates(wanted = 1, backByMs = Number.POSITIVE_INFINITY) {
  return pool.candidates({
    taskName: task.name,
    canServe: (capabilities) => missingCapability(task, capabilities) === undefined,
    wanted,
    backByMs,
  });
}

test('a check-in is held open until there is work', async () => {
  const answer = open()(request('a'));
  expect(pool.held).toBe(1);
  expect(arrivals).toEqual([task.name]);
  expect(candidates().devices).toEqual(['a']);
  const work = workFor(task);
  expect(pool.deliver(deviceId('a'), work)).toBe(true);
  expect((await answer).directive).toEqual({ kind: 'work', work });
  expect(pool.held).toBe(0);
});

test('a held check-in is answered when its time is up, and the device counts as coming back', async () => {
  const answer = open()(request('a', { holdMs: 5000 }));
  clock.advance(4999);
  expect(pool.held).toBe(1);
  clock.advance(1);
  const { directive } = await answer;
  expect(directive).toMatchObject({ kind: 'come-back', earliestMs: 500, latestMs: 1500 });
  expect(candidates().devices).toEqual(['a']);
  clock.advance(1501);
  expect(candidates().devices).toEqual([]);
});

test('devices that come back are candidates only where the held ones are too few, and they are back soon', async () => {
  const checkIn = open();
  await checkIn(request('paced', { holdMs: 0 }));
  const held = checkIn(request('held'));
  expect(candidates(1).devices).toEqual(['held']);
  expect(candidates(2).devices).toEqual(['held', 'paced']);
  expect(candidates(2, clock.now() + 10).devices).toEqual(['held']);
  pool.close();
  await held;
});

test('beyond the calls that may be held, devices are paced', async () => {
  const checkIn = open();
  const held = ['a', 'b', 'c'].map((device) => checkIn(request(device)));
  expect((await checkIn(request('d'))).directive.kind).toBe('come-back');
  expect(pool.held).toBe(3);
  pool.close();
  const answers = await Promise.all(held);
  expect(answers.map(({ directive }) => 'reason' in directive && directive.reason)).toEqual(
    new Array(3).fill('The coordinator is shutting down.'),
  );
});

test('a newer check-in of a device takes the older one over, and a cancelled one leaves', async () => {
  const checkIn = open();
  const older = checkIn(request('a'));
  const leaving = new AbortController();
  const newer = checkIn(request('a', { signal: leaving.signal }));
  expect((await older).directive).toMatchObject({ kind: 'come-back' });
  expect(pool.held).toBe(1);
  leaving.abort();
  await newer;
  expect(pool.held).toBe(0);
  expect(candidates().devices).toEqual([]);
});

test('a device with unfinished work gets the same work again', async () => {
  const work = workFor(task);
  unfinished.set(deviceId('a'), work);
  expect((await open()(request('a'))).directive).toEqual({ kind: 'work', work });
});

test('an agent that is newer than the coordinator is served with the revision that both speak', async () => {
  const { revision } = await open()(request('a', { protocolRevision: 9, holdMs: 0 }));
  expect(revision).toBe(1);
});

test('says why there is no work: the task is not there yet, or no round needs the device', async () => {
  const checkIn = open();
  const reason = async (changes: Partial<CheckInRequest>): Promise<unknown> => {
    const { directive } = await checkIn(request('a', { holdMs: 0, ...changes }));
    return 'reason' in directive && directive.reason;
  };
  expect(await reason({ taskNames: [taskName('later')] })).toBe('There is no task named later here yet.');
  expect(await reason({})).toBe('No round needs this device at the moment.');
});

test('takes no more devices than it may remember, and remembers them over a restart', async () => {
  for (let index = 0; index < 100; index += 1) registry.seen(deviceId(`d${index}`), index);
  expect(() => registry.seen(deviceId('one-more'), 1)).toThrow(/takes no more/);
  registry.seen(deviceId('d0'), 500, '2');
  await registry.flush();
  const again = await openDeviceRegistry(store, 100);
  again.require(deviceId('d99'));
  expect(() => again.require(deviceId('stranger'))).toThrow(/never checked in/);
  expect(again.countSeen(500, 410)).toBe(10);
});

test('the window grows with the fleet between its limits, so that check-ins arrive at the chosen rate', () => {
  expect(paceWindow(1, pace)).toEqual({ earliestMs: 500, latestMs: 1500 });
  expect(pacePeriodMs(100, pace)).toBe(10_000);
  expect(pacePeriodMs(1_000_000, pace)).toBe(60_000);
  for (const fleetSize of [10, 57, 300, 600]) {
    const { earliestMs, latestMs } = paceWindow(fleetSize, pace);
    const perSecond = fleetSize / ((earliestMs + latestMs) / 2 / 1000);
    expect(perSecond).toBeLessThanOrEqual(pace.checkInsPerSecond * 1.01);
  }
});
