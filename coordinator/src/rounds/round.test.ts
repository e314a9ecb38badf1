import { expect, test } from 'vitest';
import type { DeviceId } from '../ids.js';
import { advance, count, createRoundDrive, fleet, settings, started } from '../testing/round-drive.js';
import { deviceId } from '../testing/values.js';
import { admissible, type RoundCommand, standingOf, wakeAtMs } from './index.js';

test('selects the wanted updates times the over-selection, then aggregates at the wanted number', () => {
  const drive = createRoundDrive();
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
  const drive = createRoundDrive();
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
  const drive = createRoundDrive();
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
  const drive = createRoundDrive();
  for (const command of commands) drive.apply(command);
  const state = drive.state();
  expect(state.stage === 'abandoned' && state.event.code).toBe(code);
});

test('abandons once so many devices failed that the quorum is impossible', () => {
  const drive = createRoundDrive();
  drive.apply(advance(0, fleet.slice(0, 6)));
  for (const device of fleet.slice(0, 5)) {
    expect(drive.state().stage).toBe('collect');
    drive.apply({ kind: 'fail-device', nowMs: 1, deviceId: device, reason: 'training', message: '' });
  }
  const state = drive.state();
  expect(state.stage === 'abandoned' && state.event.code).toBe('QUORUM_IMPOSSIBLE');
});

test('aggregates what there is when the deadline passes, and every update moves the deadline up to its limit', () => {
  const drive = createRoundDrive();
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
  const drive = createRoundDrive();
  drive.apply(advance(0, fleet.slice(0, 6)));
  const state = drive.state();
  if (state.stage !== 'collect') throw new Error('the round collects');
  const [a, b, c, d, e] = fleet;
  expect(admissible(state, [fleet[11], a, a, b])).toEqual([a, b]);
  expect(admissible(state, [a, b, c, d, e])).toEqual([a, b, c, d]);
});

test('tells late, unknown and early devices what to do', () => {
  const drive = createRoundDrive();
  const codeOf = (device: DeviceId): string => {
    const standing = standingOf(drive.state(), device);
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

test('where a share is claimed no more than it of those who wait is drawn, and a cohort waits for enough of them', () => {
  const claiming = { ...started, settings: { ...settings, shareMax: 0.2, overSelection: 1, updatesMin: 2 } };
  const waiting = (count: number): DeviceId[] =>
    Array.from({ length: count }, (_, index) => deviceId(`waiting-${index}`));
  const selected = (count: number, nowMs: number): number | undefined => {
    const drive = createRoundDrive(claiming);
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
  const late = createRoundDrive(claiming);
  late.apply({ kind: 'advance', nowMs: 1000, candidates: waiting(9), expected: 9, lastArrivalAtMs: 0 });
  expect(late.state()).toMatchObject({
    stage: 'abandoned',
    event: { reason: expect.stringContaining('9 of at least 10 devices') },
  });
});
