import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RoundKey } from '../connection/assignment.js';
import type { Transition } from '../connection/shell.js';
import type { AgentEvent, Stage } from '../connection/state.js';
import { runWorld } from '../testing/world.js';
import { afterConditions, afterStep, initialStanding, type Standing } from './standing.js';

const round: RoundKey = { runId: 'run', round: 4, attempt: 1 };
const outcome = {
  kind: 'update',
  update: {
    round,
    taskName: 'pumps',
    sha256: 'cc',
    bytes: 4,
    exampleCount: 3,
    metrics: { weight: 3, sums: { loss: 1 } },
    trainingMs: 5,
  },
} as const;
const idle: Stage = { kind: 'idle', timer: 1, failures: 1, reason: '' };
const checkingIn: Stage = { kind: 'checking-in', call: 1, failures: 0, reason: '' };
const delivering: Stage = { kind: 'delivering', round, outcome, call: 1, failures: 0 };
const asking: Stage = {
  kind: 'asking',
  unfinished: { kind: 'deliver', round, outcome },
  call: 1,
  failures: 1,
};
const givingUp: Stage = {
  kind: 'giving-up',
  notice: { round, reason: 'examples', message: 'there are too few' },
  call: 1,
  tries: 1,
};

function failed(failure: (AgentEvent & { kind: 'call-failed' })['failure']): AgentEvent {
  return { kind: 'call-failed', ticket: 1, failure };
}

function after(...steps: readonly [Stage, AgentEvent, Stage][]): Standing {
  return steps.reduce(
    (standing, [before, event, next], index) =>
      afterStep(standing, { before, event, after: next }, index + 1),
    initialStanding(true, 0, null),
  );
}

test('a connection is lost with its code, stays away since then, and comes back', () => {
  const lost = { kind: 'later', message: 'secret words', retryAfterMs: 0, code: 'UNAVAILABLE' } as const;
  const away = after([checkingIn, failed(lost), idle], [checkingIn, failed(lost), idle]);
  expect(away.connection).toEqual({
    kind: 'backing-off',
    sinceMs: 1,
    lastError: { code: 'UNAVAILABLE', atMs: 2 },
  });
  expect(JSON.stringify(away)).not.toContain('secret');
  const directive = { kind: 'come-back', earliestMs: 1, latestMs: 2, reason: '' } as const;
  const back = afterStep(
    away,
    { before: checkingIn, event: { kind: 'directive', ticket: 1, directive }, after: idle },
    9,
  );
  expect(back.connection).toEqual({ ...away.connection, kind: 'connected', sinceMs: 9 });
  const refused = { kind: 'refused', message: '', code: 'ROUND_CLOSED' } as const;
  expect(after([delivering, failed(refused), idle]).connection.kind).toBe('connected');
});

test.each<[string, readonly [Stage, AgentEvent, Stage][], object]>([
  [
    'an upload that was acknowledged',
    [[delivering, { kind: 'delivered', ticket: 1 }, checkingIn]],
    { outcome: 'delivered', code: null, task: 'pumps', round: 4, atMs: 1 },
  ],
  [
    'one whose answer was lost',
    [
      [
        asking,
        {
          kind: 'round-state',
          ticket: 1,
          roundState: { stage: 'collect', selected: true, counted: true, deadlineMs: 1, reason: '' },
        },
        checkingIn,
      ],
    ],
    { outcome: 'delivered', task: 'pumps' },
  ],
  [
    'an evaluation',
    [
      [
        { ...delivering, outcome: { kind: 'evaluation', metrics: outcome.update.metrics } },
        { kind: 'delivered', ticket: 1 },
        checkingIn,
      ],
    ],
    { outcome: 'evaluated', code: null },
  ],
  [
    'work that failed',
    [[delivering, { kind: 'work-failed', ticket: 1, reason: 'examples', message: '' }, givingUp]],
    { outcome: 'failed', code: 'examples' },
  ],
  [
    'a refusal',
    [[delivering, failed({ kind: 'refused', message: '', code: 'ROUND_CLOSED' }), idle]],
    { outcome: 'left', code: 'ROUND_CLOSED' },
  ],
])('the last round tells of %s', (_what, steps, expected) => {
  expect(after(...steps).lastRound).toMatchObject(expected);
});

test('a kept update is no end of its round, and a stop while nothing is worked on says nothing', () => {
  const stopped: Stage = { kind: 'stopped', exit: { kind: 'asked' } };
  expect(after([delivering, { kind: 'stop' }, stopped]).lastRound).toBeNull();
  expect(after([idle, { kind: 'stop' }, stopped]).lastRound).toBeNull();
});

test('training is paused while conditions say so, and says why', () => {
  const paused = afterConditions(initialStanding(true, 0, null), ['battery', 'load'], false, 5);
  expect(paused.training).toEqual({ kind: 'paused', sinceMs: 5, work: null, reasons: ['battery', 'load'] });
  const other = afterConditions(paused, ['load'], false, 6);
  expect(other.training).toMatchObject({ kind: 'paused', sinceMs: 5, reasons: ['load'] });
  expect(afterConditions(other, [], true, 7).training).toMatchObject({ kind: 'training', sinceMs: 7 });
});

test('through any trouble: what was worked on ends, and the last round that is counted was told', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      let standing = initialStanding(true, 0, null);
      const told = new Set<number>();
      const stepped = (transition: Transition): void => {
        standing = afterStep(standing, transition, 1);
        const { lastRound, training } = standing;
        if (lastRound?.outcome === 'delivered' || lastRound?.outcome === 'evaluated') {
          told.add(lastRound.round);
        }
        expect(training.kind === 'training').toBe(transition.after.kind === 'computing');
        if (transition.after.kind === 'idle' || transition.after.kind === 'checking-in') {
          expect(training.work).toBeNull();
        }
      };
      const world = runWorld({ seed, rounds: 6, trouble: 0.1, eventsMax: 2_000, stepped });
      for (const counted of told) expect(world.counted).toContain(counted);
    }),
    { numRuns: 60 },
  );
});
