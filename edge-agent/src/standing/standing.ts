/**
 * What an agent says of itself while it runs: how it stands with the coordinator, whether it trains, and which round it
 * took part in last. A pure reading of its state machine; it names tasks, rounds and codes, and no example, no label,
 * no update, and no sentence of the coordinator.
 */
import type { RoundKey } from '../connection/assignment.js';
import { roundOf } from '../connection/enter.js';
import type { Transition } from '../connection/shell.js';
import type { AgentEvent, Stage, Unfinished } from '../connection/state.js';
import type { CallFailure } from '../connection/transport.js';

export interface LastError {
  readonly code: string;
  readonly atMs: number;
}

/** Times are Unix milliseconds. */
export interface ConnectionStanding {
  /**
   * `connecting`: asked, and not answered yet; `backing-off`: the last call failed, and it tries again by itself;
   * `incompatible`: agent and coordinator do not fit; `not-needed`: this agent serves, and asks for no work.
   */
  readonly kind: 'connecting' | 'connected' | 'backing-off' | 'incompatible' | 'not-needed';
  readonly sinceMs: number;
  /** The last call that failed, also when later ones did not. */
  readonly lastError: LastError | null;
}

export interface WorkingOn {
  readonly task: string;
  readonly round: RoundKey;
}

export interface TrainingStanding {
  /** `paused`: the device's conditions do not allow training, whether there is something to train or not. */
  readonly kind: 'idle' | 'training' | 'paused';
  readonly sinceMs: number;
  /** The round that is worked on, however far: from its download to its confirmation. */
  readonly work: WorkingOn | null;
  /** Why training is paused; empty where it is not. */
  readonly reasons: readonly string[];
}

export interface LastRound extends RoundKey {
  /** Empty where the agent was started anew meanwhile and nothing told it. */
  readonly task: string;
  readonly atMs: number;
  /** `left`: the round was over, or refused what this device had. */
  readonly outcome: 'delivered' | 'confirmed' | 'evaluated' | 'failed' | 'left' | 'interrupted';
  /** What failed or refused; null where nothing did. */
  readonly code: string | null;
}

export interface Standing {
  readonly connection: ConnectionStanding;
  readonly training: TrainingStanding;
  readonly lastRound: LastRound | null;
}

/** @param lastRound of an earlier life of the agent */
export function initialStanding(asksForWork: boolean, nowMs: number, lastRound: LastRound | null): Standing {
  return {
    connection: { kind: asksForWork ? 'connecting' : 'not-needed', sinceMs: nowMs, lastError: null },
    training: { kind: 'idle', sinceMs: nowMs, work: null, reasons: [] },
    lastRound,
  };
}

/** The standing after a step of the machine; the same object where nothing changed. */
export function afterStep(standing: Standing, transition: Transition, nowMs: number): Standing {
  const connection = connectionAfter(standing.connection, transition.event, nowMs);
  const work = workIn(transition.after, standing.training.work);
  const lastRound = roundEnded(transition, standing.training.work, nowMs) ?? standing.lastRound;
  const training = trainingOf(standing.training, work, isComputing(transition.after), nowMs);
  const isSame =
    connection === standing.connection && training === standing.training && lastRound === standing.lastRound;
  return isSame ? standing : { connection, training, lastRound };
}

/** The standing when the coordinator holds a check-in open: it has not answered, and it is there. */
export function afterReached(standing: Standing, nowMs: number): Standing {
  const { connection } = standing;
  if (connection.kind === 'connected') return standing;
  return { ...standing, connection: { ...connection, kind: 'connected', sinceMs: nowMs } };
}

/** The standing when the conditions of training changed; `reasons` is empty where it may go on. */
export function afterConditions(
  standing: Standing,
  reasons: readonly string[],
  isComputing: boolean,
  nowMs: number,
): Standing {
  const { training } = standing;
  if (reasons.join() === training.reasons.join()) return standing;
  const next = trainingOf({ ...training, reasons }, training.work, isComputing, nowMs);
  return { ...standing, training: next };
}

export function isComputing(stage: Stage): boolean {
  return stage.kind === 'computing';
}

function connectionAfter(before: ConnectionStanding, event: AgentEvent, nowMs: number): ConnectionStanding {
  switch (event.kind) {
    case 'directive':
    case 'round-state':
    case 'joined':
    case 'confirmed':
    case 'delivered':
      return before.kind === 'connected' ? before : { ...before, kind: 'connected', sinceMs: nowMs };
    case 'call-failed': {
      const { failure } = event;
      const kind = kindAfter(failure);
      const sinceMs = before.kind === kind ? before.sinceMs : nowMs;
      return { kind, sinceMs, lastError: { code: codeOf(failure), atMs: nowMs } };
    }
    default:
      return before;
  }
}

function kindAfter({ kind }: CallFailure): ConnectionStanding['kind'] {
  if (kind === 'later') return 'backing-off';
  // Who says no has been reached.
  return kind === 'refused' ? 'connected' : 'incompatible';
}

function codeOf(failure: CallFailure): string {
  return failure.code ?? (failure.kind === 'incompatible' ? 'INCOMPATIBLE' : 'UNKNOWN');
}

function trainingOf(
  before: TrainingStanding,
  work: WorkingOn | null,
  computes: boolean,
  nowMs: number,
): TrainingStanding {
  const kind = before.reasons.length > 0 ? 'paused' : computes ? 'training' : 'idle';
  if (kind === before.kind && sameWork(work, before.work)) return before;
  return { ...before, kind, work, sinceMs: kind === before.kind ? before.sinceMs : nowMs };
}

function sameWork(a: WorkingOn | null, b: WorkingOn | null): boolean {
  return a === b || (a !== null && b !== null && a.task === b.task && sameKey(a.round, b.round));
}

function sameKey(a: RoundKey, b: RoundKey): boolean {
  return a.runId === b.runId && a.round === b.round && a.attempt === b.attempt;
}

/** What a stage works on; `known` tells the task where the stage has only the round. */
function workIn(stage: Stage, known: WorkingOn | null): WorkingOn | null {
  const named = (round: RoundKey, task?: string): WorkingOn => ({
    task: task ?? (known !== null && sameKey(known.round, round) ? known.task : ''),
    round,
  });
  switch (stage.kind) {
    case 'downloading':
    case 'joining':
    case 'computing':
      return named(stage.assignment.round, stage.assignment.taskName);
    case 'delivering':
      return named(stage.round, taskOf({ ...stage, kind: 'deliver' }));
    case 'confirming':
      return named(stage.round);
    case 'paused':
    case 'asking':
      return named(roundOf(stage.unfinished), taskOf(stage.unfinished));
    case 'giving-up':
      return named(stage.notice.round);
    default:
      return null;
  }
}

function taskOf(unfinished: Unfinished): string | undefined {
  if ('assignment' in unfinished) return unfinished.assignment.taskName;
  return unfinished.kind === 'deliver' && unfinished.outcome.kind === 'update'
    ? unfinished.outcome.update.taskName
    : undefined;
}

/** How work on a round ended in this step; undefined where it did not. */
function roundEnded({ before, event, after }: Transition, known: WorkingOn | null, nowMs: number) {
  const work = workIn(before, known);
  if (work === null || before.kind === 'giving-up') return undefined;
  const ended = (outcome: LastRound['outcome'], code: string | null = null): LastRound => ({
    task: work.task,
    runId: work.round.runId,
    round: work.round.round,
    attempt: work.round.attempt,
    atMs: nowMs,
    outcome,
    code,
  });
  if (event.kind === 'confirmed') return ended('confirmed');
  const outcome = outcomeIn(before);
  const wasCounted = event.kind === 'round-state' && event.roundState.counted && before.kind === 'asking';
  if (outcome !== undefined && (event.kind === 'delivered' || wasCounted)) {
    return ended(outcome === 'update' ? 'delivered' : 'evaluated');
  }
  if (after.kind === 'giving-up') return ended('failed', after.notice.reason);
  // The update is counted; whether the sum could be opened is the others' part too.
  if (before.kind === 'confirming' || isConfirm(before)) return undefined;
  if (after.kind === 'checking-in' || after.kind === 'idle') return ended('left', refusalIn(event));
  const isStopped = after.kind === 'stopping' || after.kind === 'stopped';
  // A kept update is delivered after the next start.
  return isStopped && outcome !== 'update' ? ended('interrupted') : undefined;
}

function outcomeIn(stage: Stage): 'update' | 'evaluation' | undefined {
  if (stage.kind === 'delivering') return stage.outcome.kind;
  const unfinished = 'unfinished' in stage ? stage.unfinished : undefined;
  return unfinished?.kind === 'deliver' ? unfinished.outcome.kind : undefined;
}

function isConfirm(stage: Stage): boolean {
  return 'unfinished' in stage && stage.unfinished.kind === 'confirm';
}

function refusalIn(event: AgentEvent): string | null {
  if (event.kind === 'call-failed') return codeOf(event.failure);
  return event.kind === 'work-failed' ? event.reason : null;
}
