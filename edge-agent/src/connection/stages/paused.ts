/** Waits before it goes on with a round, because the coordinator could not be reached. */
import type { Draft } from '../draft.js';
import { enterAsking, enterStopped, enterStopping, roundOf } from '../enter.js';
import type { AgentEvent, Stage, Unfinished } from '../state.js';

export function onPaused(draft: Draft, stage: Stage & { kind: 'paused' }, event: AgentEvent): Stage {
  switch (event.kind) {
    case 'elapsed':
      return enterAsking(draft, stage.unfinished, stage.failures);
    case 'stop':
      draft.add({ kind: 'cancel', ticket: stage.timer });
      return stopWithin(draft, stage.unfinished);
    default:
      return stage;
  }
}

/** A kept update survives the stop; anything else is lost with it, and the round should know. */
export function stopWithin(draft: Draft, unfinished: Unfinished): Stage {
  const isKept =
    unfinished.kind === 'confirm' || (unfinished.kind === 'deliver' && unfinished.outcome.kind === 'update');
  if (isKept) return enterStopped(draft, { kind: 'asked' });
  if (unfinished.kind === 'join') draft.add({ kind: 'forget-round', round: unfinished.assignment.round });
  return enterStopping(draft, roundOf(unfinished));
}
