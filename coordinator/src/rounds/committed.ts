/** The new checkpoint is durable. The cohort is kept so that late and repeated messages get the right answer. */
import type { Aggregating } from './aggregate.js';
import type { Collected } from './collect.js';
import type { RoundCommitted } from './events.js';

export interface Committed extends Pick<Collected, 'started' | 'cohort' | 'counted' | 'failed' | 'expected'> {
  readonly stage: 'committed';
  readonly event: RoundCommitted;
}

export function committed(state: Aggregating, event: RoundCommitted): Committed {
  const { started, cohort, counted, failed, expected } = state;
  return { stage: 'committed', event, started, cohort, counted, failed, expected };
}
