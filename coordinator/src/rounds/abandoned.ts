/** The attempt ended without a checkpoint, and the event says why. */
import type { RoundAbandoned, RoundStarted } from './events.js';
import type { LiveRound } from './round.js';

export interface Abandoned {
  readonly stage: 'abandoned';
  readonly started: RoundStarted;
  readonly event: RoundAbandoned;
}

export function abandoned(state: LiveRound, event: RoundAbandoned): Abandoned {
  return { stage: 'abandoned', started: state.started, event };
}
