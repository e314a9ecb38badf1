/** Waits for the coordinator to hear of the stop, or for the grace to end. */
import type { Draft } from '../draft.js';
import { enterStopped } from '../enter.js';
import type { AgentEvent, Stage } from '../state.js';

export function onStopping(draft: Draft, stage: Stage & { kind: 'stopping' }, event: AgentEvent): Stage {
  switch (event.kind) {
    case 'delivered':
    case 'call-failed':
      draft.add({ kind: 'cancel', ticket: stage.timer });
      return enterStopped(draft, { kind: 'asked' });
    case 'elapsed':
      draft.add({ kind: 'cancel', ticket: stage.call });
      return enterStopped(draft, { kind: 'asked' });
    default:
      return stage;
  }
}
