import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DeviceId, parseDeviceId, parseRunId, parseSha256, type RoundKey } from '../ids.js';
import type { Contribution, RoundEvent, RoundStarted } from './events.js';
import {
  admissible,
  decideRound,
  evolveRound,
  isLive,
  type RoundCommand,
  type RoundSettings,
  type RoundState,
  standingOf,
  wakeAtMs,
} from './index.js';

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the fixture is wrong');
  return value;
}

const fleet = Array.from({ length: 12 }, (_, index) => present(parseDeviceId(`device-${index}`)));
const key: RoundKey = { runId: present(parseRunId('run')), round: 1, attempt: 1 };
const checkpoint = { sha256: present(parseSha256('0'.repeat(64))), sizeBytes: 4 };
const settings: RoundSettings = {
  updatesWanted: 4,
  overSelection: 1.5,
  updatesMin: 2,
  recruitTimeoutMs: 1000,
  recruitGraceMs: 100,
  collectTimeoutMs: 1000,
  collectProgressMs: 400,
  collectTimeoutMaxMs: 2000,
  secure: null,
};
const started: RoundStarted = {
  kind: 'round-started',
  atMs: 0,
  key,
  purpose: 'train',
  settings,
  checkpoint,
  selectionSeed: 'seed',
  privacy: null,
};

function contribution(deviceId: DeviceId): Contribution {
  return { deviceId, payloadBytes: 4, metrics: { weight: 1, sums: { loss: 1 } } };
}

/** Applies a command as the driver does, and keeps what it stored. */
function createDrive(first: RoundStarted = started) {
  let state = evolveRound(null, first);
  const log: RoundEvent[] = [first];
  return {
    state: () => state,
    log,
    apply(command: RoundCommand) {
      const decision = decideRound(state, command);
      if (decision.kind === 'accepted') {
        for (const event of decision.events) {
          state = evolveRound(state, event);
          log.push(event);
        }
      }
      return decision;
    },
  };
}

function advance(nowMs: number, candidates: readonly DeviceId[], lastArrivalAtMs = 0): RoundCommand {
  return { kind: 'advance', nowMs, candidates, expected: candidates.length, lastArrivalAtMs };
}

function count(nowMs: number, ...devices: DeviceId[]): RoundCommand {
  return { kind: 'count', nowMs, contributions: devices.map(contribution), partialSum: null };
}

test('selects the wanted updates times the over-selection, then aggregates at the wanted number', () => {
  const drive = createDrive();
  drive.apply(advance(1, fleet.slice(0, 5)));
  expect(drive.state().stage).toBe('recruit');
  drive.apply(advance(2, fleet));
  const collecting = drive.state();
  expect(collecting.stage === 'collect' && collecting.cohort.size).toBe(6);
  if (collecting.stage !== 'collect') return;
  const cohort = [...collecting.cohort];
  drive.apply(count(3, ...cohort.slice(0, 3)));
  expect(drive.state().stage).toBe('collect');
  drive.apply(count(4, cohort[3]));
  expect(drive.state().stage).toBe('aggregate');
  const late = standingOf(drive.state(), cohort[4]);
  expect(late.kind === 'refused' && late.refusal.code).toBe('ROUND_CLOSED');
  expect(standingOf(drive.state(), cohort[0])).toEqual({ kind: 'counted' });
});

test('waits for those who are expected back, but not longer than the grace', () => {
  const drive = createDrive();
  const enough = fleet.slice(0, 6);
  const command: RoundCommand = {
    kind: 'advance',
    nowMs: 50,
    candidates: enough,
    expected: 10,
    lastArrivalAtMs: 0,
  };
  drive.apply(command);
  expect(drive.state().stage).toBe('recruit');
  expect(wakeAtMs(drive.state(), 50, 0)).toBe(settings.recruitGraceMs);
  drive.apply({ ...command, nowMs: settings.recruitGraceMs });
  expect(drive.state().stage).toBe('collect');
});

test('goes on with fewer devices than wanted once nobody came for the grace', () => {
  const drive = createDrive();
  drive.apply(advance(120, fleet.slice(0, 2), 90));
  expect(drive.state().stage).toBe('recruit');
  drive.apply(advance(190, fleet.slice(0, 2), 90));
  const state = drive.state();
  expect(state.stage === 'collect' && [...state.cohort]).toEqual(fleet.slice(0, 2));
  expect(state.stage === 'collect' && state.updatesWanted).toBe(2);
});

test.each([
  ['RECRUIT_TIMEOUT', [advance(1000, fleet.slice(0, 1))]],
  ['DEADLINE_BELOW_QUORUM', [advance(0, fleet), advance(999, []), advance(1000, [])]],
] as const)('abandons with %s', (code, commands) => {
  const drive = createDrive();
  for (const command of commands) drive.apply(command);
  const state = drive.state();
  expect(state.stage === 'abandoned' && state.event.code).toBe(code);
});

test('abandons once so many devices failed that the quorum is impossible', () => {
  const drive = createDrive();
  drive.apply(advance(0, fleet.slice(0, 6)));
  for (const deviceId of fleet.slice(0, 5)) {
    expect(drive.state().stage).toBe('collect');
    drive.apply({ kind: 'fail-device', nowMs: 1, deviceId, reason: 'training', message: '' });
  }
  const state = drive.state();
  expect(state.stage === 'abandoned' && state.event.code).toBe('QUORUM_IMPOSSIBLE');
});

test('aggregates what there is when the deadline passes, and every update moves the deadline up to its limit', () => {
  const drive = createDrive();
  drive.apply(advance(0, fleet.slice(0, 6)));
  drive.apply(count(900, fleet[0]));
  drive.apply(count(1200, fleet[1]));
  const state = drive.state();
  expect(state.stage === 'collect' && state.deadlineAtMs).toBe(1600);
  drive.apply(count(1590, fleet[2]));
  const last = drive.state();
  expect(last.stage === 'collect' && last.deadlineAtMs).toBe(1990);
  drive.apply(advance(1990, []));
  expect(drive.state().stage).toBe('aggregate');
});

test('admits no device twice, none from outside, and never more than are wanted', () => {
  const drive = createDrive();
  drive.apply(advance(0, fleet.slice(0, 6)));
  const state = drive.state();
  if (state.stage !== 'collect') throw new Error('the round collects');
  const [a, b, c, d, e] = fleet;
  expect(admissible(state, [fleet[11], a, a, b])).toEqual([a, b]);
  expect(admissible(state, [a, b, c, d, e])).toEqual([a, b, c, d]);
});

test('tells late, unknown and early devices what to do', () => {
  const drive = createDrive();
  const codeOf = (deviceId: DeviceId): string => {
    const standing = standingOf(drive.state(), deviceId);
    return 'refusal' in standing ? standing.refusal.code : standing.kind;
  };
  expect(codeOf(fleet[0])).toBe('ROUND_NOT_COLLECTING');
  drive.apply(advance(0, fleet.slice(0, 6)));
  expect(codeOf(fleet[9])).toBe('DEVICE_NOT_SELECTED');
  drive.apply({ kind: 'fail-device', nowMs: 1, deviceId: fleet[0], reason: 'plan', message: '' });
  expect(codeOf(fleet[0])).toBe('DEVICE_GAVE_UP');
  drive.apply({ kind: 'abandon', nowMs: 2, code: 'RUN_STOPPED', reason: 'stopped.' });
  expect(codeOf(fleet[1])).toBe('ROUND_ABANDONED');
});

/** What may happen to a round from outside, in any order: most of it out of place. */
const stimulus = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 500 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('arrive' as const), device: fc.nat(fleet.length - 1) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('upload' as const),
      devices: fc.array(fc.nat(fleet.length - 1), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('fail' as const), device: fc.nat(fleet.length - 1) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'commit' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'stop' as const }) },
);

test('under any order of events: one commit at most, each device counted once, and every attempt ends', () => {
  fc.assert(
    fc.property(fc.array(stimulus, { maxLength: 60 }), (stimuli) => {
      const drive = createDrive();
      const waiting = new Set<DeviceId>();
      let nowMs = 0;
      let counted = new Set<DeviceId>();
      const check = (): void => {
        const state: RoundState = drive.state();
        const now = 'counted' in state ? new Set(state.counted.keys()) : new Set<DeviceId>();
        if (state.stage !== 'abandoned') {
          for (const device of counted) expect(now.has(device)).toBe(true);
          counted = now;
        }
        if ('cohort' in state) for (const device of now) expect(state.cohort.has(device)).toBe(true);
        if ('updatesWanted' in state) expect(now.size).toBeLessThanOrEqual(state.updatesWanted);
        if (state.stage === 'aggregate' || state.stage === 'committed') {
          expect(now.size).toBeGreaterThanOrEqual(settings.updatesMin);
        }
      };
      const tick = (): void => {
        drive.apply(advance(nowMs, [...waiting]));
      };
      for (const each of stimuli) {
        switch (each.kind) {
          case 'wait':
            nowMs += each.ms;
            tick();
            break;
          case 'arrive':
            waiting.add(fleet[each.device]);
            tick();
            break;
          case 'upload': {
            const state = drive.state();
            const devices = each.devices.map((device) => fleet[device]);
            // As the intake does: only what is admissible is folded and offered.
            if (state.stage === 'collect') drive.apply(count(nowMs, ...admissible(state, devices)));
            break;
          }
          case 'fail':
            drive.apply({
              kind: 'fail-device',
              nowMs,
              deviceId: fleet[each.device],
              reason: 'training',
              message: '',
            });
            break;
          case 'commit':
            drive.apply({
              kind: 'commit',
              nowMs,
              checkpoint,
              strategyState: null,
              bytesDownloaded: 0,
              secure: null,
            });
            break;
          case 'stop':
            drive.apply({ kind: 'abandon', nowMs, code: 'RUN_STOPPED', reason: 'stopped.' });
            break;
        }
        check();
      }
      for (let wakes = 0; isLive(drive.state()); wakes += 1) {
        expect(wakes).toBeLessThan(20);
        nowMs = wakeAtMs(drive.state(), nowMs, 0) ?? nowMs;
        tick();
        if (drive.state().stage === 'aggregate') {
          drive.apply({
            kind: 'commit',
            nowMs,
            checkpoint,
            strategyState: null,
            bytesDownloaded: 0,
            secure: null,
          });
        }
        check();
      }
      const ends = drive.log.filter(({ kind }) => kind === 'round-committed' || kind === 'round-abandoned');
      expect(ends).toHaveLength(1);
      expect(drive.log.at(-1)).toBe(ends[0]);
      // The log is all there is: folding it again gives the same state.
      expect(drive.log.reduce<RoundState | null>(evolveRound, null)).toEqual(drive.state());
    }),
    { numRuns: 400 },
  );
});

test('where a share is claimed no more than it of those who wait is drawn, and a cohort waits for enough of them', () => {
  const claiming = { ...started, settings: { ...settings, shareMax: 0.2, overSelection: 1, updatesMin: 2 } };
  const waiting = (count: number): DeviceId[] =>
    Array.from({ length: count }, (_, index) => present(parseDeviceId(`waiting-${index}`)));
  const selected = (count: number, nowMs: number): number | undefined => {
    const drive = createDrive(claiming);
    drive.apply({ kind: 'advance', nowMs, candidates: waiting(count), expected: count, lastArrivalAtMs: 0 });
    const state = drive.state();
    return 'cohort' in state ? state.cohort.size : undefined;
  };
  expect(selected(9, 150)).toBeUndefined();
  expect(selected(10, 150)).toBe(2);
  expect(selected(19, 150)).toBe(3);
  expect(selected(20, 0)).toBe(4);
  // No more than wanted, however many wait.
  expect(selected(50, 0)).toBe(4);
  const late = createDrive(claiming);
  late.apply({ kind: 'advance', nowMs: 1000, candidates: waiting(9), expected: 9, lastArrivalAtMs: 0 });
  expect(late.state()).toMatchObject({
    stage: 'abandoned',
    event: { reason: expect.stringContaining('9 of at least 10 devices') },
  });
});
