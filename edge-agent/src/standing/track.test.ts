import { setImmediate } from 'node:timers/promises';
import { createVirtualClock } from '@starling/federation';
import { expect, test } from 'vitest';
import type { Stage } from '../connection/state.js';
import type { Standing } from './index.js';
import { trackStanding } from './track.js';

const fresh: Stage = { kind: 'new' };
const asking = (call: number): Stage => ({ kind: 'checking-in', call, failures: 0, reason: '' });
const away: Stage = { kind: 'idle', timer: 9, failures: 1, reason: '' };
const start = { kind: 'start', update: undefined } as const;
const lost = {
  kind: 'call-failed',
  ticket: 1,
  failure: { kind: 'later', message: '', retryAfterMs: 0, code: 'UNAUTHENTICATED' },
} as const;

function tracked() {
  const clock = createVirtualClock(0);
  const told: Standing[] = [];
  let reach = (): void => {};
  const whenReached = () => new Promise<void>((resolve) => (reach = resolve));
  const options = { lastRound: null, gate: undefined, onStanding: (next: Standing) => told.push(next) };
  const tracker = trackStanding(true, options, clock, whenReached);
  return { clock, tracker, reach: () => reach(), kind: () => told.at(-1)?.connection.kind };
}

test('a check-in that is held open is a connection, a second after the coordinator was reached', async () => {
  const { clock, tracker, reach, kind } = tracked();
  tracker.stepped({ before: fresh, event: start, after: asking(1) });
  clock.advance(60_000);
  expect(kind()).toBe('connecting');
  reach();
  await setImmediate();
  clock.advance(999);
  expect(kind()).toBe('connecting');
  clock.advance(1);
  expect(kind()).toBe('connected');
  tracker.close();
});

test('one that is refused at once is none, however often it is reached', async () => {
  const { clock, tracker, reach, kind } = tracked();
  for (let attempt = 0; attempt < 3; attempt++) {
    const asked = asking(attempt);
    tracker.stepped({ before: attempt === 0 ? fresh : away, event: start, after: asked });
    reach();
    await setImmediate();
    tracker.stepped({ before: asked, event: lost, after: away });
    clock.advance(5_000);
    expect(kind()).toBe('backing-off');
  }
  tracker.close();
});
