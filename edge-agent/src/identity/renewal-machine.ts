/**
 * When a device renews its certificate, as a pure state machine: at two thirds of its life, and again until it works.
 * There is one thing under way at a time, so answers need no tickets.
 */
import { backoffWindow, type Window } from '../connection/backoff.js';

export interface Lifetime {
  /** Milliseconds since the Unix epoch. */
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

export type RenewalState =
  | { readonly kind: 'waiting'; readonly lifetime: Lifetime; readonly failures: number }
  | { readonly kind: 'renewing'; readonly lifetime: Lifetime; readonly failures: number };

export type RenewalEvent =
  | { readonly kind: 'elapsed'; readonly nowMs: number }
  | { readonly kind: 'renewed'; readonly lifetime: Lifetime; readonly nowMs: number }
  /** The authority's key is elsewhere; somebody has yet to sign. */
  | { readonly kind: 'pending'; readonly retryAfterMs: number }
  | { readonly kind: 'failed'; readonly message: string; readonly nowMs: number };

export type RenewalEffect =
  | { readonly kind: 'wait'; readonly window: Window }
  | { readonly kind: 'renew' }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };

export interface RenewalStep {
  readonly state: RenewalState;
  readonly effects: readonly RenewalEffect[];
}

/** Clocks jump, and timers are not made for months: look again after a day at the latest. */
const lookAgainMs = 86_400_000;
const backoff = { firstMs: 60_000, mostMs: 6 * 3_600_000 };

export function startRenewal(lifetime: Lifetime, nowMs: number): RenewalStep {
  return wait({ kind: 'waiting', lifetime, failures: 0 }, nowMs);
}

export function stepRenewal(state: RenewalState, event: RenewalEvent): RenewalStep {
  const { lifetime, failures } = state;
  switch (event.kind) {
    case 'elapsed':
      return failures > 0 || event.nowMs >= dueAtMs(lifetime)
        ? { state: { ...state, kind: 'renewing' }, effects: [{ kind: 'renew' }] }
        : wait({ kind: 'waiting', lifetime, failures }, event.nowMs);
    case 'renewed': {
      const next = wait({ kind: 'waiting', lifetime: event.lifetime, failures: 0 }, event.nowMs);
      const until = new Date(event.lifetime.endsAtMs).toISOString();
      return {
        state: next.state,
        effects: [
          { kind: 'log', level: 'info', message: `Renewed the certificate: valid until ${until}.` },
          ...next.effects,
        ],
      };
    }
    case 'pending':
      return {
        state: { kind: 'waiting', lifetime, failures: Math.max(1, failures) },
        effects: [
          { kind: 'wait', window: { earliestMs: event.retryAfterMs, latestMs: 2 * event.retryAfterMs } },
        ],
      };
    case 'failed':
      return {
        state: { kind: 'waiting', lifetime, failures: failures + 1 },
        effects: [
          { kind: 'log', level: levelOf(lifetime, event.nowMs), message: event.message },
          { kind: 'wait', window: backoffWindow(backoff, failures + 1) },
        ],
      };
  }
}

/** Two thirds of a certificate's life. */
export function dueAtMs({ startsAtMs, endsAtMs }: Lifetime): number {
  return startsAtMs + ((endsAtMs - startsAtMs) * 2) / 3;
}

/** A device that cannot renew falls out of the fleet: the nearer that is, the louder. */
function levelOf({ endsAtMs }: Lifetime, nowMs: number): 'warn' | 'error' {
  return endsAtMs - nowMs < 3 * lookAgainMs ? 'error' : 'warn';
}

function wait(state: RenewalState & { kind: 'waiting' }, nowMs: number): RenewalStep {
  const waitMs = Math.min(lookAgainMs, Math.max(0, dueAtMs(state.lifetime) - nowMs));
  return { state, effects: [{ kind: 'wait', window: { earliestMs: waitMs, latestMs: waitMs } }] };
}
