/** Rules that deliberate bugs do not reach, because others are broken before: each must be able to fail. */
import type { RunEvent } from '@starling/coordinator';
import { expect, test } from 'vitest';
import type { Checker, MakeChecker, Sight } from './checker.js';
import { commits } from './commits.js';
import { updates } from './updates.js';

/** What these rules look at of their sight is what they report to, and which runs there are. */
function watched(make: MakeChecker): { readonly checker: Checker; readonly reports: readonly string[] } {
  const reports: string[] = [];
  const runs: Sight['runs'] = new Map();
  const sight = { runs, hostile: new Set<string>(), report: (message: string) => reports.push(message) };
  return { checker: make(sight as unknown as Sight), reports };
}

const event = (kind: string, round: number, more = {}): RunEvent =>
  ({ kind, key: { runId: 'run', round, attempt: 1 }, ...more }) as unknown as RunEvent;
const counts = (deviceId: string): RunEvent =>
  event('contributions-counted', 1, { contributions: [{ deviceId }] });
const cohort = event('cohort-selected', 1, { devices: ['a', 'b'] });

test.each([
  [[event('round-committed', 1), event('round-committed', 2)], []],
  [
    [event('round-committed', 1), event('round-committed', 1)],
    ['in run round 1 attempt 1, which is over', 'is committed after round 1'],
  ],
  [[event('round-committed', 2)], ['is committed after round 0']],
  [
    [event('round-abandoned', 1), counts('a')],
    ['contributions-counted in run round 1 attempt 1, which is over'],
  ],
])('a round is committed once and in order: case %#', (events, messages) => {
  const { checker, reports } = watched(commits);
  checker.onEvents?.('run', events);
  expect(reports).toEqual(messages.map((message) => expect.stringContaining(message)));
});

test.each([
  [[cohort, counts('a'), event('round-committed', 1, { updates: 1 })], []],
  [[cohort, counts('a'), counts('a')], ['the update of a is counted twice']],
  [[cohort, counts('c')], ['c is not of the cohort']],
  [[cohort, event('collection-closed', 1), counts('a')], ['after its collection closed']],
  [
    [cohort, counts('a'), event('round-committed', 1, { updates: 2 })],
    ['committed with 2 updates, and 1 were'],
  ],
])('an update is counted once, from the cohort, in time: case %#', (events, messages) => {
  const { checker, reports } = watched(updates);
  checker.onEvents?.('run', events);
  expect(reports).toEqual(messages.map((message) => expect.stringContaining(message)));
});
