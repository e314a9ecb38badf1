import { startAdaptiveClipping } from '@starling/federation';
import { expect, test } from 'vitest';
import type { PrivacySettings } from '../privacy/index.js';
import { checkpoint, createDrive, fleet, startedWith } from '../testing/run-drive.js';
import { liveRound, roundToPayFor } from './index.js';

const privacy: PrivacySettings = {
  kind: 'central',
  budget: { epsilon: 8, delta: 1e-5 },
  accountant: 'rdp',
  mechanism: { kind: 'gaussian', noiseMultiplier: 2, sampling: 1 },
  clipping: { kind: 'fixed', bound: 1 },
  updateNoiseMultiplier: 2,
};

test('a private round starts only once it is paid for, and tells nothing of the training', () => {
  const drive = createDrive(startedWith({ privacy }));
  drive.advance();
  expect(liveRound(drive.state())).toBeUndefined();
  expect(roundToPayFor(drive.state())).toMatchObject({ round: 1, attempt: 1 });
  drive.pay(3);
  expect(liveRound(drive.state())?.started.privacy).toMatchObject({
    epsilon: 3,
    clipBound: 1,
    noiseStddev: 2,
  });
  expect(roundToPayFor(drive.state())).toBeUndefined();
  drive.advance();
  drive.count(fleet);
  drive.commit();
  expect(drive.state()).toMatchObject({ roundsCommitted: 1, metrics: [], privacy: { epsilon: 3 } });
});

test('an abandoned private round pays again, and an empty budget completes the run with its reason', () => {
  const drive = createDrive(startedWith({ privacy }));
  drive.pay(3);
  drive.advance([]);
  drive.wait(1000);
  drive.advance([]);
  expect(roundToPayFor(drive.state())).toMatchObject({ round: 1, attempt: 2 });
  const payment = { kind: 'exhausted', reason: 'The privacy budget is used up.' } as const;
  drive.apply({ kind: 'advance', nowMs: 0, candidates: [], expected: 0, lastArrivalAtMs: 0, payment });
  expect(drive.state()).toMatchObject({
    kind: 'completed',
    ended: { reason: 'The privacy budget is used up.' },
    privacy: { epsilon: 3 },
  });
});

test('what was measured of the last checkpoint is awaited before an empty budget ends the run', () => {
  const drive = createDrive(startedWith({ privacy, rounds: 5, centralEvaluation: { everyRounds: 1 } }));
  drive.pay(3);
  drive.advance();
  drive.count(fleet);
  drive.commit();
  const exhausted = {
    kind: 'advance',
    nowMs: 0,
    candidates: [],
    expected: 0,
    lastArrivalAtMs: 0,
    payment: { kind: 'exhausted', reason: 'Used up.' },
  } as const;
  drive.apply(exhausted);
  expect(drive.state().kind).toBe('running');
  drive.apply({ kind: 'measured-centrally', nowMs: 0, round: 1, metrics: [] });
  drive.apply({ kind: 'central-evaluation-failed', nowMs: 0, round: 1, reason: 'no examples' });
  drive.apply(exhausted);
  expect(drive.state()).toMatchObject({ kind: 'completed', ended: { reason: 'Used up.' } });
});

test('a bound that adapts is in the state, and the next round promises it', () => {
  const settings = { initialBound: 2, targetQuantile: 0.5, learningRate: 0.2, countStddev: 3 };
  const start = startAdaptiveClipping(settings);
  const drive = createDrive(startedWith({ privacy: { ...privacy, clipping: { kind: 'adaptive', start } } }));
  drive.pay(1);
  expect(liveRound(drive.state())?.started.privacy).toMatchObject({
    clipBound: 2,
    noiseStddev: 4,
    countStddev: 3,
  });
  drive.advance();
  drive.count(fleet);
  const clipping = { withinShare: 0.7, next: { settings, bound: 1.5 } };
  const commit = { kind: 'commit', nowMs: 0, checkpoint, strategyState: null, bytesDownloaded: 0 } as const;
  drive.apply({ ...commit, clipping });
  drive.pay(2);
  expect(liveRound(drive.state())?.started.privacy).toMatchObject({ clipBound: 1.5, noiseStddev: 3 });
});
