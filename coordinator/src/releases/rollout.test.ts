import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { deviceId } from '../testing/values.js';
import { type Rollout, type RolloutEvent, stepRollout, wantedVersion } from './rollout.js';

const start: Rollout = {
  name: 'pump',
  version: 4,
  versionBefore: 3,
  state: 'running',
  stages: [5, 25, 100],
  stage: 0,
  provenPercent: 80,
  failuresMax: 2,
  reason: '',
  startedAtMs: 0,
};
const tallied = (reached: number, proven: number, failed = 0): RolloutEvent => ({
  kind: 'tallied',
  tally: { fleet: 400, reached, proven, failed },
});
const devices = Array.from({ length: 2_000 }, (_, index) => deviceId(`device-${index}`));
const reached = (rollout: Rollout) => devices.filter((device) => wantedVersion(rollout, device) === 4);

test('a stage ends when enough devices have proven the release, and the last one completes it', () => {
  expect(stepRollout(start, { kind: 'tallied', tally: { fleet: 0, reached: 0, proven: 0, failed: 0 } })).toBe(
    start,
  );
  // 5 % of a fleet of three are nobody.
  expect(stepRollout(start, tallied(0, 0)).stage).toBe(1);
  expect(stepRollout(start, tallied(10, 7))).toBe(start);
  const second = stepRollout(start, tallied(10, 8));
  expect(second.stage).toBe(1);
  const third = stepRollout(second, tallied(100, 90));
  expect(third).toMatchObject({ stage: 2, state: 'running' });
  expect(stepRollout(third, tallied(400, 400)).state).toBe('completed');
});

test('stages reach about their share of the fleet, and each holds the one before', () => {
  const sizes = start.stages.map((_, stage) => reached({ ...start, stage }));
  expect(sizes[0].length).toBeGreaterThan(60);
  expect(sizes[0].length).toBeLessThan(140);
  expect(sizes[1].length).toBeGreaterThan(420);
  expect(sizes[1].length).toBeLessThan(580);
  expect(sizes[2]).toHaveLength(devices.length);
  for (const device of sizes[0]) expect(sizes[1]).toContain(device);
  // Another version begins with other devices.
  const other = devices.filter((device) => wantedVersion({ ...start, version: 5 }, device) === 5);
  expect(other).not.toEqual(sizes[0]);
});

test('a stage may be a label, and the stages before it keep what they have', () => {
  const stages = [5, { key: 'site', value: 'hall-1' }, 100] as const;
  const at = (stage: number, device: (typeof devices)[number], labels: Readonly<Record<string, string>>) =>
    wantedVersion({ ...start, stages, stage }, device, labels) === 4;
  const [first] = reached(start);
  const last = devices.find((device) => !reached(start).includes(device)) ?? first;
  expect(at(0, last, { site: 'hall-1' })).toBe(false);
  expect(at(1, last, { site: 'hall-1' })).toBe(true);
  expect(at(1, last, { site: 'hall-2' })).toBe(false);
  expect(at(1, first, {})).toBe(true);
  expect(at(2, last, {})).toBe(true);
});

test('too many failures stop it, and everybody goes back', () => {
  expect(stepRollout(start, tallied(10, 5, 2))).toBe(start);
  // Failures that are allowed hold nothing up, unless there is nobody else.
  expect(stepRollout(start, tallied(10, 7, 2)).stage).toBe(1);
  expect(stepRollout(start, tallied(2, 0, 2))).toMatchObject({
    state: 'stopped',
    reason: 'It failed on every device that it reached, 2 of them.',
  });
  const stopped = stepRollout(start, tallied(10, 5, 3));
  expect(stopped).toMatchObject({
    state: 'stopped',
    reason: 'It failed on 3 devices, of which 2 were allowed.',
  });
  expect(reached(stopped)).toEqual([]);
  expect(devices.every((device) => wantedVersion(stopped, device) === 3)).toBe(true);
});

test('a pause adds nobody and takes nothing away; failures count all the same', () => {
  const paused = stepRollout(start, { kind: 'pause' });
  expect(reached(paused)).toEqual(reached(start));
  expect(stepRollout(paused, tallied(10, 10))).toBe(paused);
  expect(stepRollout(paused, tallied(10, 0, 3)).state).toBe('stopped');
  expect(stepRollout(paused, { kind: 'resume' })).toEqual(start);
});

test('what is over stays over', () => {
  const event = fc.oneof(
    fc.constantFrom<RolloutEvent>({ kind: 'pause' }, { kind: 'resume' }, { kind: 'abort' }),
    fc.tuple(fc.nat(50), fc.nat(50), fc.nat(5)).map(([a, b, c]) => tallied(a + b, b, c)),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      let rollout = start;
      for (const one of events) {
        const next = stepRollout(rollout, one);
        if (['completed', 'stopped', 'aborted'].includes(rollout.state)) expect(next).toBe(rollout);
        expect(next.stage).toBeGreaterThanOrEqual(rollout.stage);
        rollout = next;
      }
    }),
  );
});
