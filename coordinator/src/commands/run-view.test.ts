import type { RunEvent } from '@starling/proto';
import { expect, test } from 'vitest';
import { formatBytes, formatDuration, formatTable } from './format.js';
import { advance, elapsedMs, newest, noProgress } from './run-progress.js';
import { createRunView, styleFor } from './run-view.js';
import { recordingTerminal } from './testing/recording-terminal.js';

const key = { runId: 'r', round: 1, attempt: 1 };
const checkpoint = { sha256: new Uint8Array(32).fill(255), sizeBytes: 4 };
const kinds: readonly NonNullable<RunEvent['kind']>[] = [
  { kind: 'roundStarted', value: { round: key, purpose: 'train' } },
  { kind: 'cohortSelected', value: { round: key, cohortSize: 3, updatesWanted: 2 } },
  { kind: 'updateCounted', value: { round: key, counted: 1, updatesWanted: 2 } },
  {
    kind: 'deviceFailed',
    value: { round: key, deviceId: 'd-3', reason: 'examples', message: 'No examples.' },
  },
  {
    kind: 'roundCommitted',
    value: { round: key, checkpoint, updates: 2, durationMs: 900, bytesUploaded: 2e6 },
  },
  {
    kind: 'metricsMeasured',
    value: {
      round: 1,
      metrics: [
        { name: 'accuracy', value: 0.5, source: 'training', weight: 10 },
        { name: 'accuracy', value: 0.75, source: 'central', weight: 10 },
        { name: 'loss', value: 1.25, source: 'training', weight: 10 },
      ],
    },
  },
  { kind: 'roundAbandoned', value: { round: { ...key, round: 2 }, reason: 'Too few devices.' } },
  { kind: 'runEnded', value: { state: 'completed', reason: '1 round is committed.' } },
];
const events: readonly RunEvent[] = kinds.map((kind, index) => ({
  sequence: index + 1,
  atMs: 1000 * index,
  kind,
}));

test('events fold into what a watcher wants to know', () => {
  const progress = events.reduce(advance, noProgress);
  expect(progress).toMatchObject({
    roundsCommitted: 1,
    counted: 1,
    wanted: 2,
    bytesUploaded: 2e6,
    attemptsAbandoned: 1,
    devicesFailed: 1,
    ended: { state: 'completed' },
  });
  expect(newest(progress, 'accuracy')).toBe(0.75);
  expect(newest(progress, 'loss')).toBe(1.25);
  expect(newest(progress, 'recall')).toBeUndefined();
  expect(elapsedMs(progress)).toBe(7000);
});

test('an event of a later revision is passed over', () => {
  const progress = advance(noProgress, { sequence: 1, atMs: 5 });
  expect(progress).toEqual({ ...noProgress, atMs: 5, startedAtMs: 5 });
});

test('lines: one for what matters, on standard error, with nothing that moves a cursor', () => {
  const { terminal, text } = recordingTerminal();
  const view = createRunView(terminal, styleFor(terminal, false), 5);
  for (const event of events) view.show(event);
  view.close();
  expect(text.out).toBe('');
  expect(text.err).not.toContain('\u001b');
  expect(text.err.trimEnd().split('\n')).toEqual([
    '[3.0 s] device d-3 cannot take part: No examples.',
    '[4.0 s] round 1/5 committed: 2 updates, 2.00 MB',
    '[5.0 s] after round 1: accuracy 0.5000 (training), accuracy 0.7500 (central), loss 1.2500 (training)',
    '[6.0 s] round 2, attempt 1 abandoned: Too few devices.',
    '[7.0 s] run completed: 1 round is committed.',
  ]);
});

test('JSON: one object for each event, on standard output', () => {
  const { terminal, text } = recordingTerminal({}, true);
  const view = createRunView(terminal, styleFor(terminal, true), 5);
  for (const event of events) view.show(event);
  view.close();
  expect(text.err).toBe('');
  const objects = text.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(objects.map(({ event }) => event)).toEqual(kinds.map(({ kind }) => kind));
  expect(objects[4]).toMatchObject({
    sequence: 5,
    atMs: 4000,
    round: 1,
    attempt: 1,
    checkpoint: 'ff'.repeat(32),
  });
});

test('bars show accuracy, loss, bytes and seconds on a terminal that can draw them', () => {
  const { terminal, text } = recordingTerminal({ TERM: 'xterm' }, true);
  const view = createRunView(terminal, styleFor(terminal, false), 1);
  for (const event of events) view.show(event);
  view.close();
  for (const shown of ['rounds', '1/1', '0.7500', '1.2500', '2.00 MB', '7.0 s'])
    expect(text.err).toContain(shown);
});

test.each([
  [{ TERM: 'xterm' }, true, 'bars'],
  [{ TERM: 'dumb' }, true, 'lines'],
  [{ TERM: 'xterm', CI: 'true' }, true, 'lines'],
  [{ TERM: 'xterm' }, false, 'lines'],
] as const)('%j, terminal: %s → %s', (env, isTTY, style) => {
  expect(styleFor(recordingTerminal(env, isTTY).terminal, false)).toBe(style);
});

test('numbers read well', () => {
  expect([0, 999, 1000, 95_620_800, 3e12].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.00 kB',
    '95.6 MB',
    '3.00 TB',
  ]);
  expect([0, 1500, 125_000, 3_840_000].map(formatDuration)).toEqual([
    '0.0 s',
    '1.5 s',
    '2 min 5 s',
    '1 h 4 min',
  ]);
});

test('tables align columns and leave no trailing space', () => {
  expect(
    formatTable(
      ['A', 'LONG'],
      [
        ['xyz', '1'],
        ['', '22'],
      ],
    ),
  ).toBe('A    LONG\nxyz  1\n     22');
});
