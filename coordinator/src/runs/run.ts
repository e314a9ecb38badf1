/**
 * A run as a pure state machine: rounds → checkpoint → evaluation → stop criteria. The driver asks `decideRun` what
 * follows from a command, stores the events, and then carries out the effects.
 */
import { refusal } from '../errors.js';
import type { ArtifactRef } from '../ids.js';
import {
  type Decision,
  decideRound,
  effectsOf,
  type RoundCommand,
  type RoundEffect,
  type RoundEvent,
  recoveryEffects,
} from '../rounds/index.js';
import { betweenRounds, ending } from './between-rounds.js';
import type { RunEvent } from './events.js';
import { sumMetrics } from './metrics.js';
import type { Metric } from './settings.js';
import { type EvaluationDue, evolveRun, liveRound, type RunState } from './state.js';

export type RunCommand =
  | RoundCommand
  | { readonly kind: 'stop'; readonly nowMs: number }
  | { readonly kind: 'resume'; readonly nowMs: number; readonly rounds?: number }
  /** Something outside of any round makes going on impossible. */
  | { readonly kind: 'fail'; readonly nowMs: number; readonly reason: string }
  | {
      readonly kind: 'measured-centrally';
      readonly nowMs: number;
      readonly round: number;
      readonly metrics: readonly Metric[];
    }
  | {
      readonly kind: 'central-evaluation-failed';
      readonly nowMs: number;
      readonly round: number;
      readonly reason: string;
    };

export type RunEffect =
  | RoundEffect
  | {
      readonly kind: 'evaluate-centrally';
      readonly round: number;
      readonly checkpoint: ArtifactRef;
    };

export type RunDecision = Decision<RunEvent, RunEffect>;

export function decideRun(state: RunState, command: RunCommand): RunDecision {
  switch (command.kind) {
    case 'stop':
      return state.kind === 'running'
        ? accepted(state, ending(state, command.nowMs, 'stopped', 'Stopped by an operator.'))
        : refuseEnded(state);
    case 'fail':
      return state.kind === 'running'
        ? accepted(state, ending(state, command.nowMs, 'failed', command.reason))
        : accepted(state, []);
    case 'resume':
      return resume(state, command);
    case 'measured-centrally':
      return ifDue(state, command.round, {
        kind: 'metrics-measured',
        atMs: command.nowMs,
        round: command.round,
        metrics: command.metrics,
      });
    case 'central-evaluation-failed':
      return ifDue(state, command.round, {
        kind: 'evaluation-skipped',
        atMs: command.nowMs,
        round: command.round,
        source: 'central',
        reason: command.reason,
      });
    default:
      return decideInRound(state, command);
  }
}

function decideInRound(state: RunState, command: RoundCommand): RunDecision {
  if (state.kind !== 'running') {
    return command.kind === 'advance' ? accepted(state, []) : refuseEnded(state);
  }
  const round = liveRound(state);
  if (round === undefined && command.kind === 'advance') {
    return accepted(state, betweenRounds(state, command.nowMs, command.payment));
  }
  if (state.round === null) {
    return {
      kind: 'refused',
      refusal: refusal(
        'not-found',
        'ROUND_UNKNOWN',
        `Run ${state.started.runId} has no round yet.`,
        'Check in and wait for an assignment.',
      ),
    };
  }
  const decision = decideRound(state.round, command);
  if (decision.kind === 'refused') return decision;
  const events: RunEvent[] = decision.events.flatMap((event): RunEvent[] => {
    if (event.kind !== 'round-committed' || round === undefined || !('counted' in round)) return [event];
    const evaluates = round.started.purpose === 'evaluate';
    // What devices send beside their update is for the bound alone: exact sums of it would be a leak beside the noise.
    if (round.started.privacy !== null) return [event];
    const contributions = event.secure === null ? round.counted.values() : [event.secure];
    const metrics = sumMetrics(contributions, evaluates ? 'federated' : 'training');
    if (metrics.length === 0) return [event];
    return [event, { kind: 'metrics-measured', atMs: event.atMs, round: event.key.round, metrics }];
  });
  return accepted(state, events);
}

function resume(state: RunState, command: Extract<RunCommand, { kind: 'resume' }>): RunDecision {
  const { runId } = state.started;
  if (state.kind === 'running') {
    return {
      kind: 'refused',
      refusal: refusal('failed-precondition', 'RUN_RUNNING', `Run ${runId} is running.`, 'Watch it instead.'),
    };
  }
  if (state.isAnswerLost) {
    return {
      kind: 'refused',
      refusal: refusal(
        'failed-precondition',
        'RUN_ANSWER_LOST',
        `Devices may have told run ${runId} their answers already, and they tell them once.`,
        'Ask the question anew: `starling analytics run`.',
      ),
    };
  }
  const rounds = command.rounds ?? state.roundsTarget;
  if (rounds <= state.roundsCommitted) {
    return {
      kind: 'refused',
      refusal: refusal(
        'failed-precondition',
        'RUN_HAS_ITS_ROUNDS',
        `Run ${runId} has ${state.roundsCommitted} committed rounds already; ${rounds} would be none more.`,
        `Resume it with more than ${state.roundsCommitted} rounds in all.`,
      ),
    };
  }
  return accepted(state, [{ kind: 'run-resumed', atMs: command.nowMs, rounds }]);
}

/** Measurements of an ended run still count; those that nobody awaits (measured twice after a crash) do not. */
function ifDue(state: RunState, round: number, event: RunEvent): RunDecision {
  const due = state.evaluationsDue.some((each) => each.round === round && each.source === 'central');
  return accepted(state, due ? [event] : []);
}

function refuseEnded(state: RunState): RunDecision {
  return {
    kind: 'refused',
    refusal: refusal(
      'failed-precondition',
      'RUN_NOT_RUNNING',
      `Run ${state.started.runId} is ${state.kind}.`,
      'Resume it where it should go on.',
    ),
  };
}

function accepted(state: RunState, events: readonly RunEvent[]): RunDecision {
  const effects: RunEffect[] = [];
  let after = state;
  for (const event of events) {
    const before = after;
    after = evolveRun(after, event);
    effects.push(...effectsOfEvent(before, after, event));
  }
  return { kind: 'accepted', events, effects };
}

function effectsOfEvent(before: RunState, after: RunState, event: RunEvent): RunEffect[] {
  const round = isRoundEvent(event) ? effectsOf(event) : [];
  const known = new Set(before.evaluationsDue);
  const due = after.evaluationsDue.filter((each) => !known.has(each) && each.source === 'central');
  return [...round, ...due.map(evaluateCentrally)];
}

/** Only what happens in a round names one. */
function isRoundEvent(event: RunEvent): event is RoundEvent {
  return 'key' in event;
}

function evaluateCentrally(due: EvaluationDue): RunEffect {
  return { kind: 'evaluate-centrally', round: due.round, checkpoint: due.checkpoint };
}

/** What must be carried out again after a restart, from the state alone. */
export function recoverRun(state: RunState): readonly RunEffect[] {
  const central = state.evaluationsDue.filter((due) => due.source === 'central').map(evaluateCentrally);
  const inRound = state.kind === 'running' && state.round !== null ? recoveryEffects(state.round) : [];
  return [...inRound, ...central];
}
