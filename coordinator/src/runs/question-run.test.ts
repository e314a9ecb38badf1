import type { AnalyticsQuery } from '@starling/federation';
import { expect, test } from 'vitest';
import type { ExchangeStage } from '../rounds/index.js';
import { createDrive, fleet, startedWith } from '../testing/run-drive.js';
import { roundSettings } from '../testing/values.js';
import { liveRound } from './index.js';

const analytics: AnalyticsQuery = { column: 'pressure', statistic: { kind: 'count' }, valuesMax: 1 };
const requirements = { corruptFraction: 0, dropoutFraction: 0.3, securityBits: 20, correctnessBits: 10 };
const masked = {
  ...roundSettings,
  updatesWanted: 4,
  secure: { requirements, keysTimeoutMs: 100, answersTimeoutMs: 100, answersGraceMs: 10 },
};

/** A run that asks a question under masks, its first attempt in the given stage. */
function askedUpTo(stage: ExchangeStage | 'aggregate') {
  const drive = createDrive(startedWith({ rounds: 1, analytics, train: masked }));
  drive.advance();
  for (let steps = 0; steps < 10; steps += 1) {
    const live = liveRound(drive.state());
    if (live === undefined || live.stage === stage) break;
    if (live.stage === 'collect') drive.count(fleet);
    else drive.answer(fleet);
  }
  expect(liveRound(drive.state())?.stage).toBe(stage);
  return drive;
}

test.each(['advertise-keys', 'share-keys', 'consistency'] as const)(
  'an attempt at a question that ends in %s told nothing, and is tried again',
  (stage) => {
    const drive = askedUpTo(stage);
    drive.wait(10_000);
    drive.advance([]);
    expect(liveRound(drive.state())?.started.key).toMatchObject({ round: 1, attempt: 2 });
  },
);

test('an attempt that ends in unmask ends the run: no device tells its answer twice, and nothing more is paid', () => {
  const drive = askedUpTo('unmask');
  drive.wait(10_000);
  drive.advance();
  const state = drive.state();
  expect(state.kind === 'failed' && state.ended.reason).toMatch(/in its stage unmask.*ask the question anew/);
  expect(drive.log.filter(({ kind }) => kind === 'round-started')).toHaveLength(1);
  const resumed = drive.apply({ kind: 'resume', nowMs: drive.nowMs() });
  expect(resumed.kind === 'refused' && resumed.refusal.code).toBe('RUN_ANSWER_LOST');
});

test('so does one whose sum could not be made into an answer', () => {
  const drive = askedUpTo('aggregate');
  drive.apply({ kind: 'abandon', nowMs: 0, code: 'AGGREGATION_FAILED', reason: 'The disk is full.' });
  drive.advance();
  const state = drive.state();
  expect(state.kind === 'failed' && state.ended.reason).toMatch(/^The disk is full.*ask the question anew/);
});
