/** Nothing to do until the timer: the coordinator said when to come back, or a failure did. */
import type { Draft } from '../draft.js';
import { enterCheckingIn, enterStopped } from '../enter.js';
import type { AgentEvent, Stage } from '../state.js';

export function onIdle(draft: Draft, stage: Stage & { kind: 'idle' }, event: AgentEvent): Stage {
  switch (event.kind) {
    case 'elapsed':
      return enterCheckingIn(draft, stage.failures, stage.reason);
    case 'stop':
      draft.add({ kind: 'cancel', ticket: stage.timer });
      return enterStopped(draft, { kind: 'asked' });
    default:
      return stage;
  }
}
