/** Trains or evaluates, and looks after the deadline whether the round still wants it. */
import { describeRound } from '../assignment.js';
import type { Draft } from '../draft.js';
import { enterCheckingIn, enterDelivering, enterGivingUpOn, enterStopping, startWatch } from '../enter.js';
import type { AgentEvent, Stage } from '../state.js';
import type { RoundState } from '../transport.js';
import { isOpen } from './open.js';

type Computing = Stage & { kind: 'computing' };

/** Time between two looks while the coordinator cannot be reached. */
const watchAgainMs = 10_000;

export function onComputing(draft: Draft, stage: Computing, event: AgentEvent): Stage {
  const { assignment } = stage;
  switch (event.kind) {
    case 'computed':
      draft.add({ kind: 'cancel', ticket: stage.watch.ticket });
      return enterDelivering(draft, assignment.round, event.outcome);
    case 'work-failed':
      draft.add({ kind: 'cancel', ticket: stage.watch.ticket });
      return enterGivingUpOn(draft, assignment, event);
    case 'elapsed': {
      const ticket = draft.start((ticket) => ({ kind: 'ask-round', ticket, round: assignment.round }));
      return { ...stage, watch: { kind: 'asking', ticket } };
    }
    case 'round-state':
      return onRoundState(draft, stage, event.roundState);
    case 'call-failed':
      // The work is worth finishing: whether the round still wants it is asked again before it is delivered.
      return { ...stage, watch: startWatch(draft, watchAgainMs) };
    case 'stop':
      draft.add({ kind: 'cancel', ticket: stage.work });
      draft.add({ kind: 'cancel', ticket: stage.watch.ticket });
      forget(draft, stage);
      return enterStopping(draft, assignment.round);
    default:
      return stage;
  }
}

function onRoundState(draft: Draft, stage: Computing, roundState: RoundState): Stage {
  if (isOpen(roundState)) {
    return { ...stage, watch: startWatch(draft, roundState.deadlineMs) };
  }
  draft.add({ kind: 'cancel', ticket: stage.work });
  forget(draft, stage);
  draft.add({
    kind: 'log',
    level: 'warn',
    message: `Stops work on ${describeRound(stage.assignment.round)}: the round went on without this device (${roundState.stage}).`,
  });
  return enterCheckingIn(draft);
}

function forget(draft: Draft, { assignment }: Computing): void {
  if (assignment.secure !== undefined) draft.add({ kind: 'forget-round', round: assignment.round });
}
