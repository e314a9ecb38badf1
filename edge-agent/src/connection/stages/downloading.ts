/** Fetches the plan and the checkpoint; what is there already is not fetched again. */
import type { Draft } from '../draft.js';
import { enterGivingUp, enterPaused, enterStopping, enterWorking } from '../enter.js';
import type { AgentEvent, Stage } from '../state.js';

export function onDownloading(
  draft: Draft,
  stage: Stage & { kind: 'downloading' },
  event: AgentEvent,
): Stage {
  const { assignment } = stage;
  switch (event.kind) {
    case 'fetched':
      return enterWorking(draft, assignment);
    case 'work-failed':
      return enterGivingUp(draft, {
        round: assignment.round,
        reason: event.reason,
        message: event.message,
      });
    case 'call-failed':
      if (event.failure.kind !== 'later') {
        return enterGivingUp(draft, {
          round: assignment.round,
          reason: 'plan',
          message: event.failure.message,
        });
      }
      return enterPaused(
        draft,
        { kind: 'download', assignment },
        stage.failures + 1,
        event.failure.retryAfterMs,
      );
    case 'stop':
      draft.add({ kind: 'cancel', ticket: stage.call });
      return enterStopping(draft, assignment.round);
    default:
      return stage;
  }
}
