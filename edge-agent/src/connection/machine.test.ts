import fc from 'fast-check';
import { expect, test } from 'vitest';
import { trainingAssignment } from '../testing/training-assignment.js';
import { runWorld } from '../testing/world.js';
import type { FinishedUpdate } from './assignment.js';
import { defaultMachineSettings } from './draft.js';
import { step } from './machine.js';
import { type AgentEvent, type AgentState, type Effect, initialState } from './state.js';

const assignment = trainingAssignment(30_000);
const { round } = assignment;
const update: FinishedUpdate = {
  round,
  taskName: 'task',
  sha256: 'cc',
  bytes: 4,
  exampleCount: 3,
  metrics: { weight: 3, sums: { loss: 1 } },
  trainingMs: 5,
};
const outcome = { kind: 'update', update } as const;
const open = { stage: 'collect', selected: true, counted: false, deadlineMs: 9_000, reason: '' } as const;
const later = { kind: 'later', message: 'unreachable', retryAfterMs: 0 } as const;

type WithoutTicket<Event> = Event extends AgentEvent ? Omit<Event, 'ticket'> : never;
type Answer = WithoutTicket<AgentEvent> & { readonly to?: Effect['kind'] };

/** Takes events one after the other; each answers the newest effect of the kind that is named. */
function play(...events: Answer[]) {
  let state: AgentState = initialState;
  const effects: Effect[] = [];
  for (const { to, ...event } of events) {
    const asked = effects.findLast((effect) => effect.kind === to && 'ticket' in effect);
    const ticket = asked !== undefined && 'ticket' in asked ? { ticket: asked.ticket } : {};
    // The tests name effects that exist; what has no ticket needs none.
    const taken = step(defaultMachineSettings, state, { ...event, ...ticket } as AgentEvent);
    state = taken.state;
    effects.push(...taken.effects);
  }
  return { stage: state.stage, effects, kinds: effects.map(({ kind }) => kind) };
}

const start = { kind: 'start', update: undefined } as const;
const work = { to: 'check-in', kind: 'directive', directive: { kind: 'work', assignment } } as const;
const fetched = { to: 'fetch', kind: 'fetched' } as const;
const computed = { to: 'compute', kind: 'computed', outcome } as const;

test('a round: check in, fetch, compute, deliver, discard, check in again', () => {
  const { stage, kinds } = play(start, work, fetched, computed, { to: 'deliver', kind: 'delivered' });
  expect(stage.kind).toBe('checking-in');
  expect(kinds.filter((kind) => kind !== 'log')).toEqual([
    'check-in',
    'fetch',
    'compute',
    'wait',
    'cancel',
    'deliver',
    'discard-update',
    'check-in',
  ]);
});

test('a kept update is asked about first, and never trained again', () => {
  const resumed = play({ kind: 'start', update }, { to: 'ask-round', kind: 'round-state', roundState: open });
  expect(resumed.kinds).toEqual(['ask-round', 'deliver']);
  const counted = play(
    { kind: 'start', update },
    { to: 'ask-round', kind: 'round-state', roundState: { ...open, counted: true } },
  );
  expect(counted.kinds).toEqual(['ask-round', 'discard-update', 'check-in']);
  const over = play(
    { kind: 'start', update },
    {
      to: 'ask-round',
      kind: 'round-state',
      roundState: { ...open, stage: 'abandoned', reason: 'No quorum.' },
    },
  );
  expect(over.kinds).toEqual(['ask-round', 'log', 'discard-update', 'check-in']);
});

test('an upload that broke is paused, asked about and gone on with', () => {
  const { stage, kinds } = play(
    start,
    work,
    fetched,
    computed,
    { to: 'deliver', kind: 'call-failed', failure: later },
    { to: 'wait', kind: 'elapsed' },
    { to: 'ask-round', kind: 'round-state', roundState: open },
  );
  expect(kinds.slice(-3)).toEqual(['wait', 'ask-round', 'deliver']);
  expect(stage).toMatchObject({ kind: 'delivering', outcome, failures: 1 });
});

test('an update that is refused is dropped, and the agent waits before it asks for more', () => {
  const refused = { kind: 'refused', code: 'UPDATE_LENGTH_MISMATCH', message: 'Too short.' } as const;
  const { stage, kinds } = play(start, work, fetched, computed, {
    to: 'deliver',
    kind: 'call-failed',
    failure: refused,
  });
  expect(stage.kind).toBe('idle');
  expect(kinds.slice(-2)).toEqual(['discard-update', 'wait']);
});

test('work goes on past the deadline while the round is open, and stops once it is not', () => {
  const asked = [start, work, fetched, { to: 'wait', kind: 'elapsed' }] as const;
  const goesOn = play(...asked, { to: 'ask-round', kind: 'round-state', roundState: open });
  expect(goesOn.stage.kind).toBe('computing');
  expect(goesOn.effects.at(-1)).toMatchObject({ kind: 'wait', window: { earliestMs: 9_000 } });
  const unreachable = play(...asked, { to: 'ask-round', kind: 'call-failed', failure: later });
  expect(unreachable.stage.kind).toBe('computing');
  const over = play(...asked, {
    to: 'ask-round',
    kind: 'round-state',
    roundState: { ...open, stage: 'committed' },
  });
  expect(over.stage.kind).toBe('checking-in');
  expect(over.kinds.slice(-3)).toEqual(['cancel', 'log', 'check-in']);
});

test('work that fails is reported with its reason', () => {
  const { stage, effects } = play(start, work, fetched, {
    to: 'compute',
    kind: 'work-failed',
    reason: 'examples',
    message: 'row 3 is out of range',
  });
  expect(stage.kind).toBe('giving-up');
  expect(effects.at(-1)).toMatchObject({
    kind: 'report-failure',
    notice: { round, reason: 'examples', message: 'row 3 is out of range' },
  });
});

test('says once why there is no work, and once that the coordinator is away and back', () => {
  const none = { kind: 'come-back', earliestMs: 10, latestMs: 20, reason: 'No task.' } as const;
  const told = { to: 'check-in', kind: 'directive', directive: none } as const;
  const again = { to: 'wait', kind: 'elapsed' } as const;
  const away = { to: 'check-in', kind: 'call-failed', failure: later } as const;
  const { effects } = play(start, told, again, told, again, away, again, away, again, told);
  const said = effects.flatMap((effect) => (effect.kind === 'log' ? [effect.message] : []));
  expect(said).toEqual([
    'No work: No task.',
    'Check-in failed: unreachable',
    'The coordinator answers again.',
    'No work: No task.',
  ]);
  expect(effects.find(({ kind }) => kind === 'wait')).toMatchObject({
    window: { earliestMs: 10, latestMs: 20 },
  });
});

test('held check-ins that break one after the other do not keep the agent away longer each time', () => {
  const again = { to: 'wait', kind: 'elapsed' } as const;
  const failed = (openMs: number) =>
    ({ to: 'check-in', kind: 'call-failed', failure: later, openMs }) as const;
  const lastWait = (...answers: Answer[]) => {
    const { effects } = play(start, ...answers);
    return effects.findLast((effect) => effect.kind === 'wait')?.window.latestMs;
  };
  const first = lastWait(failed(0));
  expect(lastWait(failed(30_000), again, failed(30_000), again, failed(30_000))).toBe(first);
  expect(lastWait(failed(0), again, failed(0), again, failed(0))).toBe(4 * (first ?? 0));
});

test('a coordinator that cannot serve this agent ends it with a sentence', () => {
  const failure = { kind: 'incompatible', message: 'Update the agent.' } as const;
  const { stage, effects } = play(start, { to: 'check-in', kind: 'call-failed', failure });
  expect(stage).toEqual({ kind: 'stopped', exit: failure });
  expect(effects.at(-1)).toEqual({ kind: 'exit', reason: failure });
});

test('a stop during training tells the round and waits no longer than the grace', () => {
  const told = play(start, work, fetched, { kind: 'stop' });
  expect(told.effects.find(({ kind }) => kind === 'report-failure')).toMatchObject({
    notice: { round, reason: 'interrupted' },
  });
  expect(told.effects.at(-1)).toMatchObject({ kind: 'wait', window: { earliestMs: 1500, latestMs: 1500 } });
  const silent = play(start, work, fetched, { kind: 'stop' }, { to: 'wait', kind: 'elapsed' });
  expect(silent.effects.at(-1)).toEqual({ kind: 'exit', reason: { kind: 'asked' } });
});

test('a stop during an upload keeps the update for the next start', () => {
  const { stage, kinds } = play(start, work, fetched, computed, { kind: 'stop' });
  expect(stage.kind).toBe('stopped');
  expect(kinds).not.toContain('discard-update');
  expect(kinds).not.toContain('report-failure');
});

test('an update that was finished in the moment of its cancellation is dropped', () => {
  const { effects } = play(
    start,
    work,
    fetched,
    { to: 'wait', kind: 'elapsed' },
    { to: 'ask-round', kind: 'round-state', roundState: { ...open, stage: 'committed' } },
    computed,
  );
  expect(effects.at(-1)).toEqual({ kind: 'discard-update', update });
});

const seeds = fc.nat();

test('whatever breaks, every round ends, none is sent again once acknowledged, and nothing hangs', () => {
  const visited = new Set<string>();
  const killedIn = new Set<string>();
  fc.assert(
    fc.property(seeds, fc.constantFrom(0, 0.1, 0.3), (seed, trouble) => {
      const world = runWorld({ seed, rounds: 12, trouble, eventsMax: 5000 });
      for (const kind of world.visited) visited.add(kind);
      for (const kind of world.killedIn) killedIn.add(kind);
      expect(world.counted.size + world.gaveUp.size).toBe(12);
      expect(world.kept).toBeUndefined();
      if (trouble === 0) {
        expect([...world.counted]).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
        expect([...world.trainings.values()].every((times) => times === 1)).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
  const resumable = [
    'idle',
    'checking-in',
    'downloading',
    'computing',
    'delivering',
    'paused',
    'asking',
    'giving-up',
  ];
  expect([...visited]).toEqual(expect.arrayContaining(resumable));
  expect([...killedIn]).toEqual(expect.arrayContaining(resumable));
});

test('a stop at any event ends the agent within a few more', () => {
  fc.assert(
    fc.property(seeds, fc.nat(120), (seed, stopAt) => {
      const world = runWorld({ seed, rounds: 1000, trouble: 0.1, stopAt, eventsMax: stopAt + 200 });
      expect(world.state.stage.kind).toBe('stopped');
    }),
  );
});
