/** "What stage am I in": asks what became of a round before going on with it. */
import type { Draft } from '../draft.js';
import {
  abandon,
  enterBackoff,
  enterCheckingIn,
  enterConfirming,
  enterDelivered,
  enterDelivering,
  enterDownloading,
  enterJoining,
  enterPaused,
} from '../enter.js';
import type { AgentEvent, Stage } from '../state.js';
import type { RoundState } from '../transport.js';
import { isOpen, isUnconfirmed } from './open.js';
import { stopWithin } from './paused.js';

type Asking = Stage & { kind: 'asking' };

export function onAsking(draft: Draft, stage: Asking, event: AgentEvent): Stage {
  const { unfinished, failures } = stage;
  switch (event.kind) {
    case 'round-state':
      return goOn(draft, stage, event.roundState);
    case 'call-failed':
      if (event.failure.kind === 'later') {
        return enterPaused(draft, unfinished, failures + 1, event.failure.retryAfterMs);
      }
      abandon(draft, unfinished, event.failure.message);
      return enterBackoff(draft, 1);
    case 'stop':
      draft.add({ kind: 'cancel', ticket: stage.call });
      return stopWithin(draft, unfinished);
    default:
      return stage;
  }
}

function goOn(draft: Draft, stage: Asking, roundState: RoundState): Stage {
  const { unfinished, failures } = stage;
  if (unfinished.kind === 'confirm') {
    if (isUnconfirmed(roundState)) return enterConfirming(draft, unfinished.round, failures);
  } else if (isOpen(roundState)) {
    return goOnWith(draft, unfinished, roundState, failures);
  }
  if (roundState.counted && unfinished.kind === 'deliver') {
    // The answer to the upload was lost, the upload was not.
    return enterDelivered(draft, unfinished.round, unfinished.outcome);
  }
  const why =
    roundState.reason === '' ? `the round is in its stage "${roundState.stage}".` : roundState.reason;
  abandon(draft, unfinished, why);
  return enterCheckingIn(draft);
}

function goOnWith(
  draft: Draft,
  unfinished: Exclude<Asking['unfinished'], { kind: 'confirm' }>,
  { deadlineMs }: RoundState,
  failures: number,
): Stage {
  switch (unfinished.kind) {
    case 'download':
      return enterDownloading(draft, { ...unfinished.assignment, deadlineMs }, failures);
    case 'join':
      return enterJoining(draft, { ...unfinished.assignment, deadlineMs }, failures);
    case 'deliver':
      return enterDelivering(draft, unfinished.round, unfinished.outcome, failures);
  }
}
