import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DeviceId, parseDeviceId, parseRunId, parseSha256, parseTaskName } from '../ids.js';
import { admissible, type Contribution, type RoundSettings, wakeAtMs } from '../rounds/index.js';
import type { RunEvent, RunStarted } from './events.js';
import {
  decideRun,
  evolveRun,
  liveRound,
  type RunCommand,
  type RunEffect,
  type RunSettings,
  type RunState,
  recoverRun,
} from './index.js';

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the fixture is wrong');
  return value;
}

const fleet = ['a', 'b', 'c', 'd'].map((name) => present(parseDeviceId(name)));
const checkpoint = { sha256: present(parseSha256('0'.repeat(64))), sizeBytes: 4 };
const round: RoundSettings = {
  updatesWanted: 3,
  overSelection: 1,
  updatesMin: 2,
  recruitTimeoutMs: 1000,
  recruitGraceMs: 100,
  collectTimeoutMs: 1000,
  collectProgressMs: 500,
  collectTimeoutMaxMs: 3000,
};

function startedWith(changes: Partial<RunSettings> = {}): RunStarted {
  return {
    kind: 'run-started',
    atMs: 0,
    runId: present(parseRunId('run')),
    taskName: present(parseTaskName('task')),
    taskVersion: 1,
    seed: 7,
    settings: {
      rounds: 2,
      attemptsMax: 3,
      train: round,
      federatedEvaluation: null,
      centralEvaluation: null,
      stop: {},
      ...changes,
    },
    checkpoint,
  };
}

/** A driver without I/O: effects pile up until the test carries them out. */
function createDrive(started: RunStarted) {
  let state: RunState = evolveRun(null, started);
  const log: RunEvent[] = [started];
  const effects: RunEffect[] = [];
  let nowMs = 0;
  const apply = (command: RunCommand) => {
    const decision = decideRun(state, command);
    if (decision.kind === 'accepted') {
      for (const event of decision.events) {
        state = evolveRun(state, event);
        log.push(event);
      }
      effects.push(...decision.effects);
    }
    return decision;
  };
  const drive = {
    state: () => state,
    log,
    effects,
    apply,
    nowMs: () => nowMs,
    wait(ms: number) {
      nowMs += ms;
    },
    /** As the shell does: asks until nothing follows. */
    advance(candidates: readonly DeviceId[] = fleet) {
      for (let turns = 0; turns < 100; turns += 1) {
        const command = {
          kind: 'advance',
          nowMs,
          candidates,
          expected: candidates.length,
          lastArrivalAtMs: 0,
        } as const;
        const decision = apply(command);
        if (decision.kind === 'refused' || decision.events.length === 0) return;
      }
      throw new Error('the run goes round in circles');
    },
    count(devices: readonly DeviceId[]) {
      const live = liveRound(state);
      if (live?.stage !== 'collect') return;
      const contributions = admissible(live, devices).map(
        (deviceId): Contribution => ({
          deviceId,
          payloadBytes: 4,
          metrics: { weight: 2, sums: { loss: 1, accuracy: 1 } },
        }),
      );
      apply({ kind: 'count', nowMs, contributions, partialSum: null });
    },
    commit() {
      return apply({ kind: 'commit', nowMs, checkpoint, strategyState: null, bytesDownloaded: 5 });
    },
    /** One whole attempt that succeeds. */
    succeed() {
      drive.advance();
      drive.count(fleet);
      drive.commit();
      drive.advance();
    },
  };
  return drive;
}

function kinds(log: readonly RunEvent[]): string[] {
  return log.map((event) => event.kind);
}

test('trains the wanted number of rounds and completes', () => {
  const drive = createDrive(startedWith());
  drive.succeed();
  drive.succeed();
  const state = drive.state();
  expect(state).toMatchObject({
    kind: 'completed',
    roundsCommitted: 2,
    bytesUploaded: 24,
    bytesDownloaded: 10,
  });
  expect(state.metrics).toContainEqual({ name: 'accuracy', value: 0.5, source: 'training', weight: 6 });
});

test('an abandoned round is tried again under the next attempt, and too many in a row fail the run', () => {
  const drive = createDrive(startedWith());
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    drive.advance([]);
    expect(liveRound(drive.state())?.started.key).toMatchObject({ round: 1, attempt });
    drive.wait(1000);
    drive.advance([]);
  }
  const state = drive.state();
  expect(state.kind === 'failed' && state.ended.reason).toMatch(
    /3 attempts in a row were abandoned.*0 of at least 2/,
  );
});

test('a federated evaluation is a round of its own after the commit, and its failure does not stop training', () => {
  const drive = createDrive(startedWith({ federatedEvaluation: { everyRounds: 1, round } }));
  drive.succeed();
  const evaluating = liveRound(drive.state());
  expect(evaluating?.started).toMatchObject({ purpose: 'evaluate', key: { round: 1, attempt: 2 } });
  drive.count(fleet);
  drive.commit();
  expect(drive.state().metrics).toContainEqual({ name: 'loss', value: 0.5, source: 'federated', weight: 6 });
  expect(drive.state().roundsCommitted).toBe(1);
  drive.advance();
  expect(liveRound(drive.state())?.started).toMatchObject({
    purpose: 'train',
    key: { round: 2, attempt: 1 },
  });
  drive.count(fleet);
  drive.commit();
  drive.advance([]);
  drive.wait(1000);
  drive.advance([]);
  expect(drive.state()).toMatchObject({ kind: 'completed', roundsCommitted: 2, evaluationsDue: [] });
});

test('central evaluation holds up no round, only the end of the run', () => {
  const drive = createDrive(startedWith({ centralEvaluation: { everyRounds: 1 } }));
  drive.succeed();
  expect(drive.effects).toContainEqual({ kind: 'evaluate-centrally', round: 1, checkpoint });
  expect(liveRound(drive.state())?.started.key.round).toBe(2);
  drive.count(fleet);
  drive.commit();
  drive.advance();
  expect(drive.state().kind).toBe('running');
  expect(recoverRun(drive.state()).map((effect) => effect.kind)).toEqual([
    'evaluate-centrally',
    'evaluate-centrally',
  ]);
  const metric = { name: 'accuracy', value: 0.9, source: 'central', weight: 100 } as const;
  drive.apply({ kind: 'measured-centrally', nowMs: 0, round: 1, metrics: [metric] });
  drive.apply({ kind: 'central-evaluation-failed', nowMs: 0, round: 2, reason: 'no examples' });
  drive.advance();
  expect(drive.state()).toMatchObject({ kind: 'completed', metrics: expect.arrayContaining([metric]) });
  const before = drive.log.length;
  drive.apply({ kind: 'measured-centrally', nowMs: 0, round: 1, metrics: [metric] });
  expect(drive.log).toHaveLength(before);
});

test('stops at the target, and the next round waits for the measurement that decides', () => {
  const target = { metric: 'accuracy', source: 'central', better: 'higher', value: 0.9 } as const;
  const drive = createDrive(
    startedWith({ rounds: 10, centralEvaluation: { everyRounds: 1 }, stop: { target } }),
  );
  const measure = (value: number): void => {
    const metrics = [{ name: 'accuracy', value, source: 'central', weight: 100 } as const];
    drive.apply({ kind: 'measured-centrally', nowMs: 0, round: drive.state().roundsCommitted, metrics });
    drive.advance();
  };
  drive.succeed();
  expect(liveRound(drive.state())).toBeUndefined();
  measure(0.8);
  expect(liveRound(drive.state())?.started.key.round).toBe(2);
  drive.count(fleet);
  drive.commit();
  measure(0.91);
  const state = drive.state();
  expect(state.kind === 'completed' && state.ended.reason).toMatch(
    /central accuracy reached 0.91 after round 2/,
  );
});

test('stops when the metric has not improved for as many measurements as patience allows', () => {
  const patience = {
    metric: 'loss',
    source: 'training',
    better: 'lower',
    measurements: 2,
    minDelta: 0.01,
  } as const;
  const drive = createDrive(startedWith({ rounds: 10, stop: { patience } }));
  for (let rounds = 0; rounds < 3; rounds += 1) drive.succeed();
  const state = drive.state();
  expect(state).toMatchObject({ kind: 'completed', roundsCommitted: 3 });
  expect(state.kind === 'completed' && state.ended.reason).toMatch(
    /has not improved on 0.5 for 2 measurements/,
  );
});

test('an operator stops a run in the middle of a round, and resumes it from its last checkpoint', () => {
  const drive = createDrive(startedWith());
  drive.succeed();
  drive.count(fleet.slice(0, 1));
  drive.apply({ kind: 'stop', nowMs: 5 });
  expect(kinds(drive.log).slice(-2)).toEqual(['round-abandoned', 'run-ended']);
  expect(drive.state().kind).toBe('stopped');
  const again = drive.apply({ kind: 'stop', nowMs: 5 });
  expect(again.kind === 'refused' && again.refusal.code).toBe('RUN_NOT_RUNNING');
  drive.apply({ kind: 'resume', nowMs: 6 });
  drive.advance();
  expect(liveRound(drive.state())?.started.key).toMatchObject({ round: 2, attempt: 2 });
  drive.count(fleet);
  drive.commit();
  drive.advance();
  expect(drive.state()).toMatchObject({ kind: 'completed', roundsCommitted: 2 });
  const over = drive.apply({ kind: 'resume', nowMs: 7 });
  expect(over.kind === 'refused' && over.refusal.code).toBe('RUN_HAS_ITS_ROUNDS');
  drive.apply({ kind: 'resume', nowMs: 7, rounds: 3 });
  drive.succeed();
  expect(drive.state()).toMatchObject({ kind: 'completed', roundsCommitted: 3 });
});

const stimulus = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 900 }) }),
  fc.record({ kind: fc.constant('upload' as const), devices: fc.subarray(fleet, { minLength: 1 }) }),
  fc.record({ kind: fc.constant('fail' as const), device: fc.constantFrom(...fleet) }),
  fc.constant({ kind: 'commit' as const }),
  fc.constant({ kind: 'measure' as const }),
  fc.constant({ kind: 'stop' as const }),
  fc.constant({ kind: 'resume' as const }),
);

test('under any order of events: rounds are committed once and in order, keys never repeat, and every run ends', () => {
  const settings = {
    rounds: 3,
    federatedEvaluation: { everyRounds: 2, round },
    centralEvaluation: { everyRounds: 1 },
  };
  fc.assert(
    fc.property(fc.array(stimulus, { maxLength: 80 }), (stimuli) => {
      const drive = createDrive(startedWith(settings));
      const measure = (): void => {
        for (const due of drive.state().evaluationsDue) {
          const metrics = [{ name: 'accuracy', value: 0.5, source: 'central', weight: 1 } as const];
          drive.apply({ kind: 'measured-centrally', nowMs: drive.nowMs(), round: due.round, metrics });
        }
      };
      drive.advance();
      for (const each of stimuli) {
        const nowMs = drive.nowMs();
        if (each.kind === 'wait') drive.wait(each.ms);
        else if (each.kind === 'upload') drive.count(each.devices);
        else if (each.kind === 'fail')
          drive.apply({ kind: 'fail-device', nowMs, deviceId: each.device, reason: 'plan', message: '' });
        else if (each.kind === 'commit') drive.commit();
        else if (each.kind === 'measure') measure();
        else drive.apply({ kind: each.kind, nowMs });
        drive.advance();
      }
      // Left alone, with devices that come and nothing that fails, a running run ends.
      for (let turns = 0; drive.state().kind === 'running'; turns += 1) {
        expect(turns).toBeLessThan(50);
        const live = liveRound(drive.state());
        const wakeMs = live && wakeAtMs(live, drive.nowMs(), 0);
        if (wakeMs !== undefined) drive.wait(Math.max(0, wakeMs - drive.nowMs()));
        drive.count(fleet);
        drive.commit();
        measure();
        drive.advance();
      }
      const trained = drive.log.flatMap((event, index) => {
        if (event.kind !== 'round-committed') return [];
        const opened = drive.log.slice(0, index).findLast((other) => other.kind === 'round-started');
        return opened?.kind === 'round-started' && opened.purpose === 'train' ? [event.key.round] : [];
      });
      expect(trained).toEqual(trained.map((_, index) => index + 1));
      expect(drive.state().roundsCommitted).toBe(trained.length);
      const keys = drive.log.flatMap((event) =>
        event.kind === 'round-started' ? [`${event.key.round}-${event.key.attempt}`] : [],
      );
      expect(new Set(keys).size).toBe(keys.length);
      const open = drive.log.filter(({ kind }) => kind === 'round-started').length;
      const ended = drive.log.filter(({ kind }) => kind === 'round-committed' || kind === 'round-abandoned');
      expect(ended).toHaveLength(open);
      expect(drive.log.reduce<RunState | null>(evolveRun, null)).toEqual(drive.state());
    }),
    { numRuns: 300 },
  );
});
