/** Exchanges keys with the cohort before anything is computed: what cannot be masked need not be. */

import type { Draft } from '../draft.js';
import { isOver } from '../draft.js';
import {
  abandon,
  enterBackoff,
  enterComputing,
  enterGivingUpOn,
  enterPaused,
  enterStopping,
} from '../enter.js';
import type { AgentEvent, Stage } from '../state.js';

export function onJoining(draft: Draft, stage: Stage & { kind: 'joining' }, event: AgentEvent): Stage {
  const { assignment } = stage;
  switch (event.kind) {
    case 'joined':
      return enterComputing(draft, assignment);
    case 'work-failed':
      return enterGivingUpOn(draft, assignment, event);
    case 'call-failed': {
      const { failure } = event;
      const unfinished = { kind: 'join', assignment } as const;
      if (failure.kind === 'later') {
        return enterPaused(draft, unfinished, stage.failures + 1, failure.retryAfterMs);
      }
      if (failure.kind === 'refused' && isOver(failure.code)) {
        abandon(draft, unfinished, failure.message);
        return enterBackoff(draft, 1);
      }
      return enterGivingUpOn(draft, assignment, { reason: 'refused', message: failure.message });
    }
    case 'stop':
      draft.add({ kind: 'cancel', ticket: stage.call });
      draft.add({ kind: 'forget-round', round: assignment.round });
      return enterStopping(draft, assignment.round);
    default:
      return stage;
  }
}
