import { expect, test } from 'vitest';
import { checkpoint, createDrive, fleet, startedWith } from '../testing/run-drive.js';
import { roundSettings as round } from '../testing/values.js';
import { liveRound, type RunEvent, recoverRun } from './index.js';

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
