import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  defaultForwarder,
  type ForwarderEvent,
  type ForwarderState,
  startForwarder,
  stepForwarder,
} from './forwarder.js';

const streams = [
  { name: 'a', priority: 'low', timeToLiveMs: null },
  { name: 'b', priority: 'critical', timeToLiveMs: null },
] as const;
const at = (stream: string, acknowledged: number, next: number) => ({
  stream,
  epoch: 'e',
  acknowledged,
  next,
});

/** Applies events one after the other at time 0 unless they say when; gives the last step. */
function play(state: ForwarderState, ...events: readonly (ForwarderEvent & { readonly nowMs?: number })[]) {
  let step: ReturnType<typeof stepForwarder> = { state, effects: [] };
  for (const { nowMs = 0, ...event } of events) step = stepForwarder(step.state, event, nowMs);
  return step;
}

test('what matters most goes first, each stream in order, and nothing without a connection', () => {
  const start = startForwarder(streams, [at('a', 0, 5), at('b', 2, 3)], defaultForwarder);
  expect(play(start, { kind: 'elapsed' }).effects).toEqual([]);
  const first = play(start, { kind: 'connected' });
  expect(first.effects).toEqual([{ kind: 'send', stream: 'b', from: 2 }]);
  const second = play(first.state, { kind: 'sent', stream: 'b', epoch: 'e', end: 3, bytes: 10 });
  expect(second.effects).toEqual([{ kind: 'send', stream: 'a', from: 0 }]);
});

test('a broken connection sends everything after the watermark again', () => {
  const start = startForwarder(streams, [at('a', 0, 9)], defaultForwarder);
  const sent = { kind: 'sent', stream: 'a', epoch: 'e', end: 9, bytes: 10 } as const;
  const moved = { kind: 'moved', positions: [at('a', 4, 9)], isProgress: true } as const;
  const { effects } = play(
    start,
    { kind: 'connected' },
    sent,
    moved,
    { kind: 'disconnected' },
    { kind: 'connected' },
  );
  expect(effects).toEqual([{ kind: 'send', stream: 'a', from: 4 }]);
});

test('no more is on the way than the window holds, and what is not acknowledged in time goes again', () => {
  const settings = { ...defaultForwarder, windowBytes: 100 };
  const start = startForwarder(streams, [at('a', 0, 50)], settings);
  const full = play(
    start,
    { kind: 'connected' },
    { kind: 'sent', stream: 'a', epoch: 'e', end: 10, bytes: 100 },
  );
  expect(full.effects).toEqual([{ kind: 'wake', afterMs: settings.resendMs }]);
  const resent = play(full.state, { kind: 'elapsed', nowMs: settings.resendMs });
  expect(resent.effects).toEqual([{ kind: 'send', stream: 'a', from: 0 }]);
  // Patience doubles while nothing comes back.
  const again = play(resent.state, {
    kind: 'sent',
    stream: 'a',
    epoch: 'e',
    end: 10,
    bytes: 100,
    nowMs: settings.resendMs,
  });
  expect(again.effects).toEqual([{ kind: 'wake', afterMs: 2 * settings.resendMs }]);
});

test('a limit of bytes a second spreads batches', () => {
  const start = startForwarder(streams, [at('a', 0, 50)], { ...defaultForwarder, bytesPerSecondMax: 1_000 });
  const step = play(
    start,
    { kind: 'connected' },
    { kind: 'sent', stream: 'a', epoch: 'e', end: 10, bytes: 500 },
  );
  expect(step.effects).toEqual([{ kind: 'wake', afterMs: 500 }]);
  expect(play(step.state, { kind: 'elapsed', nowMs: 500 }).effects).toEqual([
    { kind: 'send', stream: 'a', from: 10 },
  ]);
});

test('whatever is lost, whenever connections break, every record arrives in the end', () => {
  const happening = fc.constantFrom('write', 'deliver', 'lose', 'break', 'wait');
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 150 }), (happenings) => {
      let nowMs = 0;
      let next = 0;
      let received = 0;
      let acknowledged = 0;
      let sending: { readonly from: number } | undefined;
      const positions = () => [at('a', acknowledged, next)];
      let state = startForwarder(streams, [], { ...defaultForwarder, windowBytes: 30 });
      const post = (event: ForwarderEvent): void => {
        const step = stepForwarder(state, event, nowMs);
        state = step.state;
        for (const effect of step.effects) if (effect.kind === 'send') sending = effect;
      };
      const settle = (arrives: boolean): void => {
        if (sending === undefined) return;
        const { from } = sending;
        const end = Math.min(from + 3, next);
        sending = undefined;
        if (arrives && from <= received) received = Math.max(received, end);
        post({ kind: 'sent', stream: 'a', epoch: 'e', end, bytes: 10 });
        if (arrives && received > acknowledged) {
          acknowledged = received;
          post({ kind: 'moved', positions: positions(), isProgress: true });
        }
      };
      post({ kind: 'connected' });
      const act = (what: string): void => {
        if (what === 'write') {
          next += 2;
          post({ kind: 'moved', positions: positions(), isProgress: false });
        } else if (what === 'break') {
          sending = undefined;
          post({ kind: 'disconnected' });
          post({ kind: 'connected' });
        } else if (what === 'wait') {
          nowMs += defaultForwarder.resendMsMax;
          post({ kind: 'elapsed' });
        } else settle(what === 'deliver');
      };
      for (const what of happenings) act(what);
      for (let turn = 0; acknowledged < next; turn += 1) {
        expect(turn).toBeLessThan(1_000);
        act(sending === undefined ? 'wait' : 'deliver');
      }
      expect(received).toBe(next);
    }),
  );
});
