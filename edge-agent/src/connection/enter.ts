/** How each stage begins: the effect it starts and what it remembers. */
import type { Assignment, Outcome, RoundKey } from './assignment.js';
import { describeRound } from './assignment.js';
import { backoffWindow, type Window } from './backoff.js';
import type { Draft } from './draft.js';
import type { ExitReason, FailureNotice, Stage, Unfinished, Watch } from './state.js';

export function enterCheckingIn(draft: Draft, failures = 0, reason = ''): Stage {
  const call = draft.start((ticket) => ({ kind: 'check-in', ticket }));
  return { kind: 'checking-in', call, failures, reason };
}

/** Waits for a window that the coordinator chose. */
export function enterIdle(draft: Draft, window: Window, reason: string): Stage {
  const timer = draft.start((ticket) => ({ kind: 'wait', ticket, window }));
  return { kind: 'idle', timer, failures: 0, reason };
}

/** Waits after a failure, the longer the more came before. */
export function enterBackoff(draft: Draft, failures: number, retryAfterMs = 0): Stage {
  const window = backoffWindow(draft.settings.backoff, failures, retryAfterMs);
  const timer = draft.start((ticket) => ({ kind: 'wait', ticket, window }));
  return { kind: 'idle', timer, failures, reason: '' };
}

export function enterDownloading(draft: Draft, assignment: Assignment, failures = 0): Stage {
  const call = draft.start((ticket) => ({ kind: 'fetch', ticket, assignment }));
  return { kind: 'downloading', assignment, call, failures };
}

export function enterComputing(draft: Draft, assignment: Assignment): Stage {
  const work = draft.start((ticket) => ({ kind: 'compute', ticket, assignment }));
  return { kind: 'computing', assignment, work, watch: startWatch(draft, assignment.deadlineMs) };
}

/** Shortest time between two looks at whether the round goes on. */
const watchMsMin = 1000;

/** Looks again when the deadline that is known has passed. */
export function startWatch(draft: Draft, deadlineMs: number): Watch {
  const earliestMs = Math.max(watchMsMin, deadlineMs);
  const window = { earliestMs, latestMs: earliestMs + watchMsMin };
  return { kind: 'timer', ticket: draft.start((ticket) => ({ kind: 'wait', ticket, window })) };
}

export function enterDelivering(draft: Draft, round: RoundKey, outcome: Outcome, failures = 0): Stage {
  const call = draft.start((ticket) => ({ kind: 'deliver', ticket, round, outcome }));
  return { kind: 'delivering', round, outcome, call, failures };
}

/** Keeps what is unfinished and tries again after a while, asking first what became of the round. */
export function enterPaused(
  draft: Draft,
  unfinished: Unfinished,
  failures: number,
  retryAfterMs: number,
): Stage {
  const window = backoffWindow(draft.settings.backoff, failures, retryAfterMs);
  const timer = draft.start((ticket) => ({ kind: 'wait', ticket, window }));
  return { kind: 'paused', unfinished, timer, failures };
}

export function enterAsking(draft: Draft, unfinished: Unfinished, failures: number): Stage {
  const round = roundOf(unfinished);
  const call = draft.start((ticket) => ({ kind: 'ask-round', ticket, round }));
  return { kind: 'asking', unfinished, call, failures };
}

export function enterGivingUp(draft: Draft, notice: FailureNotice, tries = 1): Stage {
  const call = draft.start((ticket) => ({ kind: 'report-failure', ticket, notice }));
  return { kind: 'giving-up', notice, call, tries };
}

/** Tells the coordinator of the stop, for as long as the grace allows. */
export function enterStopping(draft: Draft, round: RoundKey): Stage {
  const notice: FailureNotice = { round, reason: 'interrupted', message: 'The agent is shutting down.' };
  const call = draft.start((ticket) => ({ kind: 'report-failure', ticket, notice }));
  return { kind: 'stopping', call, timer: startGrace(draft) };
}

export function startGrace(draft: Draft): number {
  const grace = draft.settings.stopGraceMs;
  return draft.start((ticket) => ({
    kind: 'wait',
    ticket,
    window: { earliestMs: grace, latestMs: grace },
  }));
}

export function enterStopped(draft: Draft, reason: ExitReason): Stage {
  draft.add({ kind: 'exit', reason });
  return { kind: 'stopped', exit: reason };
}

/** Drops a kept update, because it is counted or no longer wanted. An evaluation is kept nowhere. */
export function discard(draft: Draft, outcome: Outcome): void {
  if (outcome.kind === 'update') {
    draft.add({ kind: 'discard-update', update: outcome.update });
  }
}

export function abandon(draft: Draft, unfinished: Unfinished, why: string): void {
  draft.add({ kind: 'log', level: 'warn', message: `Leaves ${describeRound(roundOf(unfinished))}: ${why}` });
  if (unfinished.kind === 'deliver') {
    discard(draft, unfinished.outcome);
  }
}

export function roundOf(unfinished: Unfinished): RoundKey {
  return unfinished.kind === 'download' ? unfinished.assignment.round : unfinished.round;
}
