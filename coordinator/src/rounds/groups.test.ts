import { expect, test } from 'vitest';
import type { DeviceId } from '../ids.js';
import { artifact, deviceId, roundSettings, runId } from '../testing/values.js';
import type { RoundStarted } from './events.js';
import { groupIndexOf, groupsOf } from './groups.js';
import { decideRound, evolveRound, isLive, type RoundCommand, type RoundState } from './index.js';

const devices = Array.from({ length: 9 }, (_, i) => deviceId(`device-${i}`));
const requirements = { corruptFraction: 0, dropoutFraction: 0.34, securityBits: 20, correctnessBits: 10 };

/** Nine devices in three groups, each of which may lose one. */
const started: RoundStarted = {
  kind: 'round-started',
  atMs: 0,
  key: { runId: runId('run'), round: 1, attempt: 1 },
  purpose: 'train',
  settings: {
    ...roundSettings,
    updatesWanted: 9,
    updatesMin: 6,
    secure: { requirements, groups: 3, keysTimeoutMs: 100, answersTimeoutMs: 100, answersGraceMs: 10 },
  },
  checkpoint: artifact('0'),
  selectionSeed: 'seed',
  privacy: null,
};

function drive() {
  let state: RoundState = evolveRound(null, started);
  return {
    state: () => state,
    apply(command: RoundCommand): RoundState {
      const decision = decideRound(state, command);
      if (decision.kind === 'refused') throw new Error(decision.refusal.message);
      for (const event of decision.events) state = evolveRound(state, event);
      return state;
    },
  };
}

const advance = (nowMs: number): RoundCommand => ({
  kind: 'advance',
  nowMs,
  candidates: devices,
  expected: 9,
  lastArrivalAtMs: 0,
});

function answer(state: RoundState, who: readonly DeviceId[], nowMs: number): RoundCommand {
  if (state.stage !== 'advertise-keys' && state.stage !== 'share-keys' && state.stage !== 'consistency') {
    throw new Error(`nothing is answered in ${state.stage}`);
  }
  return { kind: 'answer', nowMs, stage: state.stage, devices: who, suffices: false };
}

/** In the stage of updates, after `missing` shared nothing. */
function collectingWithout(missing: readonly DeviceId[]) {
  const round = drive();
  round.apply(advance(200));
  round.apply(answer(round.state(), devices, 210));
  const there = devices.filter((device) => !missing.includes(device));
  round.apply(answer(round.state(), there, 220));
  return { round, there };
}

test('the cohort is split by chance into equal groups, the same ones whenever they are asked for', () => {
  const round = drive();
  round.apply(advance(200));
  const state = round.state();
  if (!('cohort' in state)) throw new Error('the cohort is selected');
  const groups = groupsOf(state);
  expect(groups.map(({ size }) => size)).toEqual([3, 3, 3]);
  expect([...groups.flatMap((group) => [...group])].sort()).toEqual(devices);
  expect(groupsOf({ ...state, cohort: new Set(devices) })).toEqual(groups);
  expect(devices.map((device) => groupIndexOf(state, device))).toEqual(
    devices.map((device) => groups.findIndex((group) => group.has(device))),
  );
  expect(groupIndexOf(state, deviceId('somebody'))).toBe(-1);
});

test('one lost in each group is tolerated, two lost in one group end the attempt', () => {
  const all = drive();
  all.apply(advance(200));
  const state = all.state();
  if (!('cohort' in state)) throw new Error('the cohort is selected');
  const groups = groupsOf(state).map((group) => [...group]);

  const spread = collectingWithout(groups.map(([first]) => first));
  spread.round.apply(advance(240));
  const collecting = spread.round.state();
  expect(collecting).toMatchObject({ stage: 'collect', updatesWanted: 6 });

  const crowded = collectingWithout(groups[1].slice(1));
  crowded.round.apply(advance(240));
  expect(crowded.round.state().stage).toBe('share-keys');
  crowded.round.apply(advance(330));
  expect(crowded.round.state()).toMatchObject({
    stage: 'abandoned',
    event: { reason: expect.stringMatching(/7 of 9 .*at least 6 \(2 or more in each of 3 groups\)/) },
  });
});

test('updates are waited for of every group, however many have come of the others', () => {
  const { round, there } = collectingWithout([]);
  const state = round.state();
  if (!('cohort' in state)) throw new Error('the cohort is selected');
  const [first, second, third] = groupsOf(state).map((group) => [...group]);
  const count = (who: readonly DeviceId[], nowMs: number): RoundCommand => ({
    kind: 'count',
    nowMs,
    contributions: who.map((device) => ({
      deviceId: device,
      payloadBytes: 4,
      metrics: { weight: 0, sums: {} },
    })),
    partialSum: null,
  });
  expect(there).toHaveLength(9);
  round.apply(count([...first, ...second, third[0]], 300));
  expect(round.state().stage).toBe('collect');
  // Seven updates are more than the six that make a round, and one is too few of the third group.
  round.apply(advance(5000));
  expect(round.state()).toMatchObject({ stage: 'abandoned', event: { code: 'DEADLINE_BELOW_QUORUM' } });

  const other = collectingWithout([]).round;
  other.apply(count([...first, second[0], second[1], third[0], third[1]], 300));
  other.apply(advance(5000));
  expect(other.state().stage).toBe('consistency');
  expect(isLive(other.state())).toBe(true);
});

test('a group that lost too many who gave up ends the attempt at once', () => {
  const { round } = collectingWithout([]);
  const state = round.state();
  if (!('cohort' in state)) throw new Error('the cohort is selected');
  const [, second] = groupsOf(state).map((group) => [...group]);
  const fail = (device: DeviceId): RoundCommand => ({
    kind: 'fail-device',
    nowMs: 300,
    deviceId: device,
    reason: 'training',
    message: 'no',
  });
  round.apply(fail(second[0]));
  expect(round.state().stage).toBe('collect');
  round.apply(fail(second[2]));
  expect(round.state()).toMatchObject({ stage: 'abandoned', event: { code: 'QUORUM_IMPOSSIBLE' } });
});
