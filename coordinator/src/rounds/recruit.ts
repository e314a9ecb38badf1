/** The cohort is being gathered. Ends with a selection, or for want of devices with an abandonment. */
import { accept, type RoundCommand, type RoundDecision } from './decision.js';
import type { RoundAbandoned, RoundStarted } from './events.js';
import { selectCohort } from './select.js';
import { cohortSizeOf, type RoundSettings } from './settings.js';

export interface Recruiting {
  readonly stage: 'recruit';
  readonly started: RoundStarted;
  readonly deadlineAtMs: number;
}

export function recruiting(started: RoundStarted): Recruiting {
  return {
    stage: 'recruit',
    started,
    deadlineAtMs: started.atMs + started.settings.recruitTimeoutMs,
  };
}

/** When to look again even if nobody comes. */
export function recruitWakeAtMs(state: Recruiting, nowMs: number, lastArrivalAtMs: number): number {
  const { atMs, settings } = state.started;
  const moments = [atMs, lastArrivalAtMs].map((momentMs) => momentMs + settings.recruitGraceMs);
  return Math.min(state.deadlineAtMs, ...moments.filter((momentMs) => momentMs > nowMs));
}

export function advanceRecruit(
  state: Recruiting,
  command: Extract<RoundCommand, { kind: 'advance' }>,
): RoundDecision {
  const { settings, key, atMs, selectionSeed } = state.started;
  const { nowMs, candidates, expected, lastArrivalAtMs } = command;
  const wanted = cohortSizeOf(settings);
  const available = drawable(candidates.length, settings);
  const timeIsUp = nowMs >= state.deadlineAtMs;
  const everybodyIsHere = candidates.length >= expected;
  const enough = available >= wanted && (everybodyIsHere || nowMs >= atMs + settings.recruitGraceMs);
  const quiet = nowMs >= Math.max(atMs, lastArrivalAtMs) + settings.recruitGraceMs;
  const fewest = available >= settings.updatesMin && (quiet || timeIsUp);
  if (!enough && !fewest) {
    return timeIsUp ? accept(tooFew(state, nowMs, candidates.length)) : accept();
  }
  const devices = selectCohort(candidates, Math.min(wanted, available), selectionSeed);
  return accept({
    kind: 'cohort-selected',
    atMs: nowMs,
    key,
    devices,
    updatesWanted: Math.min(settings.updatesWanted, devices.length),
  });
}

/** How many of the waiting devices may be selected. */
function drawable(waiting: number, { shareMax = 1 }: RoundSettings): number {
  // A share such as 0.1 of 30 is 3, whatever doubles make of it.
  return Math.floor(shareMax * waiting + 1e-9);
}

/** How many must wait before a cohort of `devices` may be selected. */
export function waitingFor(devices: number, { shareMax = 1 }: RoundSettings): number {
  return Math.ceil(devices / shareMax - 1e-9);
}

function tooFew(state: Recruiting, nowMs: number, waiting: number): RoundAbandoned {
  const { settings, key } = state.started;
  return {
    kind: 'round-abandoned',
    atMs: nowMs,
    key,
    code: 'RECRUIT_TIMEOUT',
    reason:
      `${waiting} of at least ${waitingFor(settings.updatesMin, settings)} devices ` +
      `checked in within ${settings.recruitTimeoutMs / 1000} s.`,
  };
}
