import { expect, test } from 'vitest';
import { devices } from '../scenario/fleet-schema.js';
import { simulate } from '../simulation/simulate.js';
import { smallScenario } from '../testing/small-scenario.js';
import { type DeviceModel, deviceModel } from './behaviour.js';
import { drawClients } from './draw-clients.js';
import { asynchronousSchedule, type ScheduledRound, synchronousSchedule } from './schedule.js';

const update = { downloadBytes: 1e6, uploadBytes: 5e5, examples: 100 };

function settingsOf(given: object, fleet = 200, cohort = 10) {
  const settings = devices.parse(given);
  return {
    seed: 3,
    fleet,
    cohort,
    devices: settings,
    model: deviceModel(settings, 3),
    epochs: 4,
    updateOf: () => update,
  };
}

const first = (rounds: Iterable<ScheduledRound>, count: number): readonly ScheduledRound[] => {
  const taken: ScheduledRound[] = [];
  for (const round of rounds) if (taken.push(round) === count) break;
  return taken;
};

test('a sample has no client twice, and every client its turn', () => {
  const counts = new Map<number, number>();
  for (let seed = 0; seed < 400; seed += 1) {
    const drawn = [...drawClients(20, 5, seed)];
    expect(new Set(drawn).size).toBe(5);
    for (const client of drawn) counts.set(client, (counts.get(client) ?? 0) + 1);
  }
  // 100 expected each; five standard deviations are 43.
  for (let client = 0; client < 20; client += 1)
    expect(Math.abs((counts.get(client) ?? 0) - 100)).toBeLessThan(43);
});

test('devices that are all alike take what arithmetic says', () => {
  const alike = { speed: { examplesPerSecond: 50, spread: 0 }, network: { spread: 0, latencyMs: 100 } };
  const [one, two] = first(synchronousSchedule(settingsOf(alike)), 2);
  // 1 MB at 20 Mbit/s, 100 examples at 50 a second, 0.5 MB at 5 Mbit/s, and the latency twice.
  const seconds = 0.4 + 2 + 0.8 + 0.2;
  expect(one).toMatchObject({ selected: 10, lost: 0, downloadBytes: 1e7, uploadBytes: 5e6 });
  expect(one.seconds).toBeCloseTo(seconds, 10);
  expect(two.seconds).toBeCloseTo(2 * seconds, 10);
});

test("a device model of the caller's own says how long a round takes", async () => {
  const own: DeviceModel = {
    times: (client) => ({ download: 1, training: client, upload: 2 }),
    availability: () => 1,
  };
  const scenario = smallScenario({ devices: {}, cohort: { size: 40 }, stop: { rounds: 2 } });
  const { records } = await simulate(scenario, { workers: 1, deviceModel: own });
  // The slowest of 40 clients is the last.
  expect(records.map(({ virtualSeconds }) => virtualSeconds)).toEqual([42, 84]);
});

test("a device model of the caller's own says who is there", async () => {
  const own: DeviceModel = {
    times: () => ({ download: 1, training: 1, upload: 1 }),
    availability: (client) => (client < 6 ? 1 : 0),
  };
  const rounds = first(synchronousSchedule({ ...settingsOf({}), model: own }), 20);
  const counted = rounds.flatMap(({ updates }) => updates.map(({ client }) => client));
  expect(new Set(counted)).toEqual(new Set([0, 1, 2, 3, 4, 5]));
});

test('with a deadline, stragglers are cut off and the round ends there', () => {
  const slow = { speed: { examplesPerSecond: 50, spread: 1.5 }, deadlineSeconds: 4 };
  const rounds = first(synchronousSchedule(settingsOf(slow)), 20);
  expect(rounds.some(({ lost }) => lost > 0)).toBe(true);
  for (const [index, { updates, lost, seconds }] of rounds.entries()) {
    expect(updates.length + lost).toBe(10);
    const took = seconds - (rounds[index - 1]?.seconds ?? 0);
    if (lost > 0) expect(took).toBeCloseTo(4, 8);
    else expect(took).toBeLessThanOrEqual(4);
  }
});

test('those who drop out are lost, in the share that was said, and over-selection makes up for them', () => {
  const unreliable = { dropout: { selected: 0.1, training: 0.1, upload: 0.1 } };
  const rounds = first(synchronousSchedule(settingsOf(unreliable)), 200);
  const lost = rounds.reduce((sum, round) => sum + round.lost, 0) / 2000;
  expect(lost).toBeGreaterThan(0.22);
  expect(lost).toBeLessThan(0.32);
  const more = first(synchronousSchedule(settingsOf({ ...unreliable, overSelection: 2 })), 50);
  expect(more.filter(({ updates }) => updates.length === 10).length).toBeGreaterThan(45);
});

test('at night fewer are there', () => {
  const model = deviceModel(
    devices.parse({ availability: { kind: 'diurnal', high: 0.9, low: 0.1, peakHour: 2 } }),
    1,
  );
  expect(model.availability(5, 2 * 3600)).toBeCloseTo(0.9, 10);
  expect(model.availability(5, 14 * 3600)).toBeCloseTo(0.1, 10);
});

test('asynchronous commits: a full buffer each, time moves on, versions are of the past, nobody works twice at once', () => {
  const settings = settingsOf({ concurrency: 30, dropout: { training: 0.2 } });
  const rounds = first(asynchronousSchedule(settings, 5), 40);
  let before = 0;
  for (const { round, updates, seconds, oldestLive } of rounds) {
    expect(updates).toHaveLength(5);
    expect(seconds).toBeGreaterThanOrEqual(before);
    before = seconds;
    for (const { version } of updates) expect(version).toBeLessThanOrEqual(round);
    expect(oldestLive).toBeLessThanOrEqual(round + 1);
  }
  expect(rounds.some(({ updates, round }) => updates.some(({ version }) => version < round))).toBe(true);
  expect(rounds.reduce((sum, { lost }) => sum + lost, 0)).toBeGreaterThan(20);
  expect(first(asynchronousSchedule(settings, 5), 40)).toEqual(rounds);
});

test('stragglers manage part of their epochs, which counts or is dropped', () => {
  const stragglers = { share: 0.5, epochsMinimum: 2 };
  const partial = first(synchronousSchedule(settingsOf({ stragglers })), 100).flatMap(
    ({ updates }) => updates,
  );
  expect(partial).toHaveLength(1000);
  expect(new Set(partial.map(({ epochs }) => epochs))).toEqual(new Set([2, 3, 4]));
  const slow = partial.filter(({ epochs }) => epochs < 4).length;
  // 500 expected; five standard deviations are 79.
  expect(Math.abs(slow - 500)).toBeLessThan(79);
  const dropped = first(
    synchronousSchedule(settingsOf({ stragglers: { ...stragglers, send: 'nothing' } })),
    100,
  );
  expect(dropped.reduce((sum, { lost }) => sum + lost, 0)).toBe(slow);
  expect(dropped.flatMap(({ updates }) => updates).every(({ epochs }) => epochs === 4)).toBe(true);
});
