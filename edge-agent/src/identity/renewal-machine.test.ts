import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  dueAtMs,
  type RenewalEvent,
  type RenewalStep,
  startRenewal,
  stepRenewal,
} from './renewal-machine.js';

const dayMs = 86_400_000;
const lifetime = { startsAtMs: 0, endsAtMs: 90 * dayMs };

function waitOf({ effects }: RenewalStep): number {
  const found = effects.find((effect) => effect.kind === 'wait');
  return found?.kind === 'wait' ? found.window.latestMs : -1;
}

test('is due at two thirds of the life, and looks at the clock daily until then', () => {
  expect(dueAtMs(lifetime)).toBe(60 * dayMs);
  let step = startRenewal(lifetime, 0);
  let nowMs = 0;
  let looks = 0;
  while (step.state.kind === 'waiting') {
    const waitMs = waitOf(step);
    expect(waitMs).toBeLessThanOrEqual(dayMs);
    nowMs += waitMs;
    looks += 1;
    step = stepRenewal(step.state, { kind: 'elapsed', nowMs });
  }
  expect(nowMs).toBe(60 * dayMs);
  expect(looks).toBe(60);
  expect(step.effects).toEqual([{ kind: 'renew' }]);
});

test('a clock that was put forward makes it due at once', () => {
  const { state } = startRenewal(lifetime, 0);
  expect(stepRenewal(state, { kind: 'elapsed', nowMs: 61 * dayMs }).effects).toEqual([{ kind: 'renew' }]);
});

test('a failure is tried again the later the more there were, louder towards the end, and forgotten afterwards', () => {
  const due = stepRenewal(startRenewal(lifetime, 0).state, { kind: 'elapsed', nowMs: 60 * dayMs });
  const first = stepRenewal(due.state, { kind: 'failed', message: 'Away.', nowMs: 60 * dayMs });
  expect(first.effects[0]).toMatchObject({ kind: 'log', level: 'warn', message: 'Away.' });
  const retried = stepRenewal(first.state, { kind: 'elapsed', nowMs: 60 * dayMs });
  expect(retried.effects).toEqual([{ kind: 'renew' }]);
  const second = stepRenewal(retried.state, { kind: 'failed', message: 'Away.', nowMs: 88 * dayMs });
  expect(second.effects[0]).toMatchObject({ level: 'error' });
  expect(waitOf(second)).toBeGreaterThan(waitOf(first));
  const renewed = { startsAtMs: 88 * dayMs, endsAtMs: 178 * dayMs };
  const done = stepRenewal(second.state, { kind: 'renewed', lifetime: renewed, nowMs: 88 * dayMs });
  expect(done.state).toEqual({ kind: 'waiting', lifetime: renewed, failures: 0 });
  expect(stepRenewal(done.state, { kind: 'elapsed', nowMs: 89 * dayMs }).state.kind).toBe('waiting');
});

test('whatever happens, exactly one thing is under way, and a wait is at most a day', () => {
  const answers: fc.Arbitrary<RenewalEvent> = fc.oneof(
    fc.record({ kind: fc.constant('failed' as const), message: fc.constant('No.'), nowMs: fc.nat(1e10) }),
    fc.record({ kind: fc.constant('pending' as const), retryAfterMs: fc.integer({ min: 1, max: 60_000 }) }),
    fc.nat(1e10).map((at) => ({
      kind: 'renewed' as const,
      lifetime: { startsAtMs: at, endsAtMs: at + 90 * dayMs },
      nowMs: at,
    })),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1e10), answers), { maxLength: 50 }), (moves) => {
      let step = startRenewal(lifetime, 0);
      for (const [nowMs, answer] of moves) {
        const underWay = step.effects.filter(({ kind }) => kind !== 'log');
        expect(underWay).toHaveLength(1);
        expect(waitOf(step)).toBeLessThanOrEqual(dayMs);
        const event = step.state.kind === 'renewing' ? answer : { kind: 'elapsed' as const, nowMs };
        step = stepRenewal(step.state, event);
      }
    }),
  );
});
