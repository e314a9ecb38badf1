/** Asks what to do. */
import type { Draft } from '../draft.js';
import { enterBackoff, enterDownloading, enterGivingUp, enterIdle, enterStopped } from '../enter.js';
import type { AgentEvent, Stage } from '../state.js';
import type { CallFailure, Directive } from '../transport.js';

/** A call that was open for so long was held; one that nobody answered has failed before. */
const heldMsMin = 5_000;

type CheckingIn = Stage & { kind: 'checking-in' };

export function onCheckingIn(draft: Draft, stage: CheckingIn, event: AgentEvent): Stage {
  switch (event.kind) {
    case 'directive':
      return follow(draft, stage, event.directive);
    case 'call-failed':
      // A call that was held is news of a coordinator that was there: what broke is the connection, for the first time.
      return onFailure(draft, (event.openMs ?? 0) >= heldMsMin ? 1 : stage.failures + 1, event.failure);
    case 'stop':
      draft.add({ kind: 'cancel', ticket: stage.call });
      return enterStopped(draft, { kind: 'asked' });
    default:
      return stage;
  }
}

function follow(draft: Draft, stage: CheckingIn, directive: Directive): Stage {
  if (stage.failures > 0) {
    draft.add({ kind: 'log', level: 'info', message: 'The coordinator answers again.' });
  }
  switch (directive.kind) {
    case 'work':
      return enterDownloading(draft, directive.assignment);
    case 'unacceptable': {
      const { round, reason, message } = directive;
      return enterGivingUp(draft, { round, reason, message });
    }
    case 'come-back':
      if (directive.reason !== stage.reason) {
        draft.add({ kind: 'log', level: 'info', message: `No work: ${directive.reason}` });
      }
      return enterIdle(draft, directive, directive.reason);
  }
}

function onFailure(draft: Draft, failures: number, failure: CallFailure): Stage {
  switch (failure.kind) {
    case 'later':
      // Once is enough: a coordinator that stays away is no news.
      if (failures === 1) {
        draft.add({ kind: 'log', level: 'warn', message: `Check-in failed: ${failure.message}` });
      }
      return enterBackoff(draft, failures, failure.retryAfterMs);
    case 'refused':
      draft.add({ kind: 'log', level: 'error', message: `Check-in was refused: ${failure.message}` });
      return enterBackoff(draft, failures);
    case 'incompatible':
      draft.add({ kind: 'log', level: 'error', message: failure.message });
      return enterStopped(draft, { kind: 'incompatible', message: failure.message });
  }
}
