/**
 * The agent's check-in loop as a pure state machine, `(state, event) → (state, effects)`. It touches neither time,
 * chance, network nor disk: effects say what the shell is to do, events what came of it.
 */
import type { Draft } from './draft.js';
import { type MachineSettings, openDraft } from './draft.js';
import { discard, enterAsking, enterCheckingIn, enterStopped } from './enter.js';
import { onAsking } from './stages/asking.js';
import { onCheckingIn } from './stages/checking-in.js';
import { onComputing } from './stages/computing.js';
import { onConfirming } from './stages/confirming.js';
import { onDelivering } from './stages/delivering.js';
import { onDownloading } from './stages/downloading.js';
import { onGivingUp } from './stages/giving-up.js';
import { onIdle } from './stages/idle.js';
import { onJoining } from './stages/joining.js';
import { onPaused } from './stages/paused.js';
import { onStopping } from './stages/stopping.js';
import type { AgentEvent, AgentState, Effect, Stage, Ticket } from './state.js';

export interface Step {
  readonly state: AgentState;
  readonly effects: readonly Effect[];
}

/** Takes one step. An answer to an effect that the stage no longer waits for changes nothing. */
export function step(settings: MachineSettings, state: AgentState, event: AgentEvent): Step {
  const draft = openDraft(settings, state.nextTicket);
  const expected = !('ticket' in event) || awaited(state.stage).includes(event.ticket);
  const stage = expected ? dispatch(draft, state.stage, event) : onLateAnswer(draft, state.stage, event);
  return { state: { nextTicket: draft.nextTicket(), stage }, effects: draft.effects };
}

/** The tickets whose answers a stage waits for. */
export function awaited(stage: Stage): readonly Ticket[] {
  switch (stage.kind) {
    case 'new':
    case 'stopped':
      return [];
    case 'idle':
    case 'paused':
      return [stage.timer];
    case 'computing':
      return [stage.work, stage.watch.ticket];
    case 'stopping':
      return [stage.call, stage.timer];
    default:
      return [stage.call];
  }
}

/** Training may end in the very moment it is cancelled; what it kept must not be taken for wanted. */
function onLateAnswer(draft: Draft, stage: Stage, event: AgentEvent): Stage {
  if (event.kind === 'computed') {
    discard(draft, event.outcome);
  }
  return stage;
}

function dispatch(draft: Draft, stage: Stage, event: AgentEvent): Stage {
  switch (stage.kind) {
    case 'new':
      return onNew(draft, stage, event);
    case 'idle':
      return onIdle(draft, stage, event);
    case 'checking-in':
      return onCheckingIn(draft, stage, event);
    case 'downloading':
      return onDownloading(draft, stage, event);
    case 'joining':
      return onJoining(draft, stage, event);
    case 'computing':
      return onComputing(draft, stage, event);
    case 'delivering':
      return onDelivering(draft, stage, event);
    case 'confirming':
      return onConfirming(draft, stage, event);
    case 'paused':
      return onPaused(draft, stage, event);
    case 'asking':
      return onAsking(draft, stage, event);
    case 'giving-up':
      return onGivingUp(draft, stage, event);
    case 'stopping':
      return onStopping(draft, stage, event);
    case 'stopped':
      return stage;
  }
}

function onNew(draft: Draft, stage: Stage, event: AgentEvent): Stage {
  if (event.kind === 'stop') {
    return enterStopped(draft, { kind: 'asked' });
  }
  if (event.kind !== 'start') {
    return stage;
  }
  const { update, unconfirmed } = event;
  if (update === undefined && unconfirmed !== undefined) {
    return enterAsking(draft, { kind: 'confirm', round: unconfirmed }, 0);
  }
  return update === undefined
    ? enterCheckingIn(draft)
    : enterAsking(draft, { kind: 'deliver', round: update.round, outcome: { kind: 'update', update } }, 0);
}
