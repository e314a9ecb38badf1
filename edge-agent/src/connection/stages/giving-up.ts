/** Tells the coordinator that the work cannot be done, so that the round need not wait for this device. */
import { describeRound } from '../assignment.js';
import type { Draft } from '../draft.js';
import { enterBackoff, enterGivingUp, startGrace } from '../enter.js';
import type { AgentEvent, Stage } from '../state.js';

/** After as many the round's own deadline will do. */
const triesMax = 3;

export function onGivingUp(draft: Draft, stage: Stage & { kind: 'giving-up' }, event: AgentEvent): Stage {
  switch (event.kind) {
    case 'delivered':
      draft.add({
        kind: 'log',
        level: 'error',
        message: `Gave up ${describeRound(stage.notice.round)}: ${stage.notice.message}`,
      });
      return enterBackoff(draft, 1);
    case 'call-failed':
      return event.failure.kind === 'later' && stage.tries < triesMax
        ? enterGivingUp(draft, stage.notice, stage.tries + 1)
        : enterBackoff(draft, stage.tries, event.failure.kind === 'later' ? event.failure.retryAfterMs : 0);
    case 'stop':
      return { kind: 'stopping', call: stage.call, timer: startGrace(draft) };
    default:
      return stage;
  }
}
