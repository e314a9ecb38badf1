/** The update is counted; signs whose updates are in the sum, and reveals shares, so that the sum can be opened. */
import { describeRound } from '../assignment.js';
import type { Draft } from '../draft.js';
import { isOver } from '../draft.js';
import {
  abandon,
  enterBackoff,
  enterCheckingIn,
  enterGivingUp,
  enterPaused,
  enterStopped,
} from '../enter.js';
import type { AgentEvent, Stage } from '../state.js';

export function onConfirming(draft: Draft, stage: Stage & { kind: 'confirming' }, event: AgentEvent): Stage {
  const { round } = stage;
  switch (event.kind) {
    case 'confirmed':
      draft.add({ kind: 'forget-round', round });
      draft.add({ kind: 'log', level: 'info', message: `Done with ${describeRound(round)}.` });
      return enterCheckingIn(draft);
    case 'work-failed':
      draft.add({ kind: 'forget-round', round });
      return enterGivingUp(draft, { round, reason: event.reason, message: event.message });
    case 'call-failed': {
      const { failure } = event;
      const unfinished = { kind: 'confirm', round } as const;
      if (failure.kind === 'later') {
        return enterPaused(draft, unfinished, stage.failures + 1, failure.retryAfterMs);
      }
      if (failure.kind === 'refused' && failure.code === 'ROUND_CLOSED') {
        // The others were faster: the sum is open without this device's shares.
        draft.add({ kind: 'forget-round', round });
        return enterCheckingIn(draft);
      }
      abandon(draft, unfinished, failure.message);
      return failure.kind === 'refused' && isOver(failure.code)
        ? enterCheckingIn(draft)
        : enterBackoff(draft, 1);
    }
    case 'stop':
      draft.add({ kind: 'cancel', ticket: stage.call });
      // The round's secrets are kept, and it is confirmed after the next start.
      return enterStopped(draft, { kind: 'asked' });
    default:
      return stage;
  }
}
