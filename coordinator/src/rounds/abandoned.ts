/** The attempt ended without a checkpoint, and the event says why. */
import type { Aggregating } from './aggregate.js';
import type { Collecting } from './collect.js';
import type { RoundAbandoned, RoundStarted } from './events.js';
import type { Recruiting } from './recruit.js';

export interface Abandoned {
  readonly stage: 'abandoned';
  readonly started: RoundStarted;
  readonly event: RoundAbandoned;
}

export function abandoned(state: Recruiting | Collecting | Aggregating, event: RoundAbandoned): Abandoned {
  return { stage: 'abandoned', started: state.started, event };
}
