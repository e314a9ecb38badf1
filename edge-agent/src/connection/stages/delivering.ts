/** Uploads the update or reports the evaluation; over only when the coordinator made it durable. */
import { describeRound } from '../assignment.js';
import type { Draft } from '../draft.js';
import { abandon, enterBackoff, enterDelivered, enterPaused, enterStopped, enterStopping } from '../enter.js';
import type { AgentEvent, Stage, Unfinished } from '../state.js';

export function onDelivering(draft: Draft, stage: Stage & { kind: 'delivering' }, event: AgentEvent): Stage {
  const { round, outcome } = stage;
  const unfinished: Unfinished = { kind: 'deliver', round, outcome };
  switch (event.kind) {
    case 'delivered':
      draft.add({ kind: 'log', level: 'info', message: `Delivered ${describeRound(round)}.` });
      return enterDelivered(draft, round, outcome);
    case 'call-failed':
      if (event.failure.kind === 'later') {
        return enterPaused(draft, unfinished, stage.failures + 1, event.failure.retryAfterMs);
      }
      abandon(draft, unfinished, event.failure.message);
      return enterBackoff(draft, 1);
    case 'work-failed':
      abandon(draft, unfinished, event.message);
      return enterBackoff(draft, 1);
    case 'stop':
      draft.add({ kind: 'cancel', ticket: stage.call });
      // A kept update is delivered after the next start, so the round may go on waiting for it.
      return outcome.kind === 'update' ? enterStopped(draft, { kind: 'asked' }) : enterStopping(draft, round);
    default:
      return stage;
  }
}
