/** What is counted as devices report is what counting everything anew gives; and a report costs the same in a fleet of ten thousand. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DeviceId } from '../ids.js';
import { deviceId } from '../testing/values.js';
import { createCensus, type DeviceLabels, followMs } from './census.js';
import { createFleetReleases } from './fleet-releases.js';
import { isReached, type Rollout, type RolloutTally } from './rollout.js';
import type { DeviceRelease, ReleaseHealth, ReleaseStore, ReportedRelease } from './store.js';

const names = ['pump', 'fan'];
const devices = Array.from({ length: 12 }, (_, index) => deviceId(`device-${index}`));
const stages = [20, { key: 'site', value: 'hall' }, 60, 100];
const healths = ['trying', 'watched', 'proven', 'failed'] as const;

const happening = fc.oneof(
  fc.record({
    kind: fc.constant('report' as const),
    device: fc.nat(devices.length - 1),
    isInHall: fc.boolean(),
    running: fc.array(
      fc.record({
        name: fc.constantFrom(...names),
        version: fc.integer({ min: 1, max: 2 }),
        health: fc.constantFrom(...healths),
      }),
      { maxLength: 2 },
    ),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1_000, followMs / 3) }),
  fc.record({ kind: fc.constant('stage' as const), name: fc.constantFrom(...names), stage: fc.nat(3) }),
  fc.record({
    kind: fc.constant('start' as const),
    name: fc.constantFrom(...names),
    version: fc.integer({ min: 1, max: 2 }),
  }),
);

test('whatever happens in whatever order', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      let nowMs = 1_000_000;
      const census = createCensus({ rollouts: [], followers: [], labels: new Map(), reports: [] });
      const heard = new Map<DeviceId, { readonly atMs: number; readonly labels: DeviceLabels }>();
      const rollouts = new Map<string, Rollout>();
      const words = new Map<string, DeviceRelease>();
      for (const one of happenings) {
        nowMs += 1;
        if (one.kind === 'wait') nowMs += one.ms;
        else if (one.kind === 'report') {
          const id = devices[one.device];
          const labels: DeviceLabels = one.isInHall ? { site: 'hall' } : {};
          const running = one.running.map((said) => ({ ...said, reason: '' }));
          census.heard(id, labels, nowMs, running);
          heard.set(id, { atMs: nowMs, labels });
          for (const said of running) {
            words.set(`${id} ${said.name} ${said.version}`, { ...said, deviceId: id, reportedAtMs: nowMs });
          }
        } else {
          const before = rollouts.get(one.name);
          if (one.kind === 'stage' && before === undefined) continue;
          const rollout =
            one.kind === 'stage' && before !== undefined
              ? { ...before, stage: one.stage }
              : rolloutOf(one.name, one.kind === 'start' ? one.version : 1, nowMs);
          rollouts.set(one.name, rollout);
          census.put(rollout);
        }
        for (const rollout of rollouts.values()) {
          expect(census.tally(rollout.name, nowMs)).toEqual(
            countedAnew(rollout, heard, [...words.values()], nowMs),
          );
        }
      }
      // What is read of the store gives the same again.
      const read = createCensus({
        rollouts: [...rollouts.values()],
        followers: [...heard]
          .map(([id, { atMs }]) => ({ deviceId: id, reportedAtMs: atMs }))
          .sort((a, b) => a.reportedAtMs - b.reportedAtMs),
        labels: new Map([...heard].map(([id, { labels }]) => [id, labels])),
        reports: [...words.values()],
      });
      for (const name of names) expect(read.tally(name, nowMs)).toEqual(census.tally(name, nowMs));
    }),
    { numRuns: 100 },
  );
});

function rolloutOf(name: string, version: number, startedAtMs: number): Rollout {
  return {
    ...{ name, version, versionBefore: 0, state: 'running', stages, stage: 0 },
    ...{ provenPercent: 80, failuresMax: 1, reason: '', startedAtMs },
  };
}

function countedAnew(
  rollout: Rollout,
  heard: ReadonlyMap<DeviceId, { readonly atMs: number; readonly labels: DeviceLabels }>,
  words: readonly DeviceRelease[],
  nowMs: number,
): RolloutTally {
  const fleet = [...heard].filter(([, { atMs }]) => atMs >= nowMs - followMs);
  const reached = new Set(
    fleet.filter(([id, { labels }]) => isReached(rollout, id, labels)).map(([id]) => id),
  );
  const said = words.filter(
    ({ name, version, reportedAtMs }) =>
      name === rollout.name && version === rollout.version && reportedAtMs >= rollout.startedAtMs,
  );
  return {
    fleet: fleet.length,
    reached: reached.size,
    proven: said.filter(({ health, deviceId }) => health === 'proven' && reached.has(deviceId)).length,
    failed: said.filter(({ health }) => health === 'failed').length,
  };
}

test('ten thousand devices report, and few rows are read for each', async () => {
  const fleet = Array.from({ length: 10_000 }, (_, index) => deviceId(`device-${index}`));
  let nowMs = 1_000_000;
  let rowsRead = 0;
  const store = countingStore((rows) => {
    rowsRead += rows;
  });
  const releases = createFleetReleases(
    store,
    { targets: async () => [{ path: 'pump/2/release.json', sizeBytes: 1, sha256: '00'.repeat(32) }] },
    () => nowMs,
    {
      async all() {
        rowsRead += fleet.length;
        return new Map(fleet.map((id) => [id, {}]));
      },
      async labelsOf() {
        rowsRead += 1;
        return {};
      },
    },
  );
  const reportAll = async (health?: ReleaseHealth): Promise<number> => {
    const before = rowsRead;
    const running = health === undefined ? [] : [{ name: 'pump', version: 2, health, reason: '' }];
    for (const id of fleet) {
      nowMs += 5;
      await releases.report(id, running);
    }
    return (rowsRead - before) / fleet.length;
  };
  await reportAll();
  await releases.start({ name: 'pump', version: 2, stages: [10, 100], provenPercent: 100, failuresMax: 0 });
  const rows: number[] = [];
  for (const health of ['trying', 'proven'] as const) rows.push(await reportAll(health));
  const [{ rollout, tally }] = await releases.rollouts();
  expect(rollout.state).toBe('completed');
  expect(tally).toEqual({ fleet: fleet.length, reached: fleet.length, proven: fleet.length, failed: 0 });
  // A row for each, and all of them once a minute: fifty seconds a turn here.
  expect(Math.max(...rows)).toBeLessThan(6);
}, 30_000);

function countingStore(count: (rows: number) => void): ReleaseStore {
  const rollouts: Rollout[] = [];
  const followers = new Map<DeviceId, number>();
  const words = new Map<string, DeviceRelease>();
  const counted = <T>(rows: readonly T[]): readonly T[] => {
    count(rows.length);
    return rows;
  };
  return {
    newest: async () => undefined,
    file: async () => undefined,
    async add() {},
    rollouts: async () => counted(rollouts),
    async putRollout(rollout) {
      rollouts.splice(0, rollouts.length, rollout);
    },
    async report(id, reportedAtMs, running: readonly ReportedRelease[]) {
      followers.delete(id);
      followers.set(id, reportedAtMs);
      for (const said of running) words.set(id, { ...said, deviceId: id, reportedAtMs });
    },
    followers: async (sinceMs) =>
      counted(
        [...followers]
          .filter(([, reportedAtMs]) => reportedAtMs >= sinceMs)
          .map(([deviceId, reportedAtMs]) => ({ deviceId, reportedAtMs })),
      ),
    reports: async () => counted([...words.values()]),
  };
}
