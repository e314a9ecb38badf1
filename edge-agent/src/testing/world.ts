/**
 * A whole world around the state machine, decided by a seed: a coordinator that comes and goes, answers that are
 * lost, an agent that is killed. Invariants are checked after every event; see `machine.test.ts`.
 */
import { createSeededEntropy, type Entropy, uniform, uniformInteger } from '@starling/federation';
import type { Assignment, FinishedUpdate, RoundKey } from '../connection/assignment.js';
import { defaultMachineSettings } from '../connection/draft.js';
import { awaited, step } from '../connection/machine.js';
import type { Transition } from '../connection/shell.js';
import {
  type AgentEvent,
  type AgentState,
  type Effect,
  initialState,
  type Ticket,
} from '../connection/state.js';
import type { CallFailure } from '../connection/transport.js';

type Answered = Extract<Effect, { readonly ticket: Ticket }>;

export interface World {
  /** Kinds of the stages the machine went through. */
  readonly visited: ReadonlySet<string>;
  /** Rounds that the coordinator counted. */
  readonly counted: ReadonlySet<number>;
  /** Rounds that the agent gave up. */
  readonly gaveUp: ReadonlySet<number>;
  readonly trainings: ReadonlyMap<number, number>;
  readonly state: AgentState;
  /** Kinds of the stages in which the agent was killed. */
  readonly killedIn: ReadonlySet<string>;
  /** What the state directory holds at the end. */
  readonly kept: FinishedUpdate | undefined;
}

export interface WorldOptions {
  readonly seed: number;
  readonly rounds: number;
  /** Chance of each kind of trouble at each event. */
  readonly trouble: number;
  readonly eventsMax: number;
  /** Stops the agent at this event. */
  readonly stopAt?: number;
  /** Told of each step. */
  readonly stepped?: (transition: Transition) => void;
}

const metrics = { weight: 1, sums: { loss: 1 } };

function assignmentOf(round: number, evaluate: boolean): Assignment {
  return {
    round: { runId: 'run', round, attempt: 1 },
    taskName: 'task',
    planManifest: { sha256: '00', bytes: 1 },
    checkpoint: { sha256: '01', bytes: 4 },
    contract: { features: [], target: { kind: 'class', name: 'target', classes: 2 } },
    work: evaluate
      ? { kind: 'evaluate' }
      : {
          kind: 'train',
          epochs: 1,
          learningRate: 1,
          seed: 1,
          encoding: { kind: 'float32' },
          examplesMax: 0,
          privacy: null,
        },
    holdoutPermille: 0,
    deadlineMs: 1000,
  };
}

/** Runs until all rounds are counted, the agent stopped, or too many events passed. */
export function runWorld(options: WorldOptions): World {
  const entropy = createSeededEntropy(options.seed);
  const happens = (chance: number): boolean => uniform(entropy) < chance;
  const visited = new Set<string>();
  const killedIn = new Set<string>();
  const counted = new Set<number>();
  /** Rounds that the agent knows to be counted: nothing of them may be sent again. */
  const acknowledged = new Set<number>();
  const trainings = new Map<number, number>();
  const gaveUp = new Set<number>();
  let outstanding: Answered[] = [];
  let state: AgentState = initialState;
  let kept: FinishedUpdate | undefined;
  let current = 1;

  const take = (event: AgentEvent): void => {
    const taken = step(defaultMachineSettings, state, event);
    options.stepped?.({ before: state.stage, event, after: taken.state.stage });
    state = taken.state;
    visited.add(state.stage.kind);
    for (const effect of taken.effects) {
      if (effect.kind === 'cancel') {
        outstanding = outstanding.filter(({ ticket }) => ticket !== effect.ticket);
      } else if (effect.kind === 'discard-update') {
        kept = kept?.sha256 === effect.update.sha256 ? undefined : kept;
      } else if (effect.kind === 'exit') {
        outstanding = [];
      } else if ('ticket' in effect) {
        checkEffect(effect, outstanding);
        checkDelivery(effect);
        outstanding.push(effect);
      }
    }
    checkStage(state, outstanding);
  };

  const checkDelivery = (effect: Answered): void => {
    if (effect.kind !== 'deliver') {
      return;
    }
    if (acknowledged.has(effect.round.round)) {
      throw new Error(`round ${effect.round.round} is sent again although it was acknowledged`);
    }
    if (effect.outcome.kind === 'update' && effect.outcome.update.sha256 !== kept?.sha256) {
      throw new Error(`round ${effect.round.round} is sent although its update is not kept`);
    }
  };

  const isOver = (round: number): boolean => round < current || counted.has(round) || gaveUp.has(round);

  /** What the coordinator does, and answers if the answer arrives. */
  const answer = (effect: Answered): AgentEvent => {
    const { ticket } = effect;
    const later: CallFailure = { kind: 'later', message: 'unreachable', retryAfterMs: 0 };
    if (effect.kind === 'wait') {
      return { kind: 'elapsed', ticket };
    }
    if (effect.kind === 'compute') {
      return compute(effect);
    }
    if (happens(options.trouble)) {
      return { kind: 'call-failed', ticket, failure: later };
    }
    const event = serve(effect);
    if (happens(options.trouble)) {
      return { kind: 'call-failed', ticket, failure: later };
    }
    if (event.kind === 'delivered' && effect.kind === 'deliver') {
      acknowledged.add(effect.round.round);
    }
    return event;
  };

  const compute = (effect: Answered & { kind: 'compute' }): AgentEvent => {
    const { ticket, assignment } = effect;
    const { round } = assignment.round;
    if (happens(options.trouble / 4)) {
      return { kind: 'work-failed', ticket, reason: 'training', message: 'It broke.' };
    }
    if (assignment.work.kind === 'evaluate') {
      return { kind: 'computed', ticket, outcome: { kind: 'evaluation', metrics } };
    }
    trainings.set(round, (trainings.get(round) ?? 0) + 1);
    const update: FinishedUpdate = {
      round: assignment.round,
      taskName: 'task',
      sha256: `${round}-${ticket}`,
      bytes: 4,
      exampleCount: 1,
      metrics,
      trainingMs: 1,
    };
    kept = update;
    return { kind: 'computed', ticket, outcome: { kind: 'update', update } };
  };

  const count = ({ round }: RoundKey): boolean => {
    if (isOver(round)) {
      return counted.has(round);
    }
    counted.add(round);
    current++;
    return true;
  };

  const serve = (effect: Answered): AgentEvent => {
    const { ticket } = effect;
    switch (effect.kind) {
      case 'check-in':
        return current <= options.rounds && !gaveUp.has(current)
          ? {
              kind: 'directive',
              ticket,
              directive: { kind: 'work', assignment: assignmentOf(current, current % 4 === 0) },
            }
          : {
              kind: 'directive',
              ticket,
              directive: { kind: 'come-back', earliestMs: 1, latestMs: 2, reason: 'Nothing to do.' },
            };
      case 'fetch':
        return { kind: 'fetched', ticket };
      case 'ask-round': {
        const { round } = effect.round;
        const stage = isOver(round) ? 'committed' : 'collect';
        return {
          kind: 'round-state',
          ticket,
          roundState: { stage, selected: true, counted: counted.has(round), deadlineMs: 1000, reason: '' },
        };
      }
      case 'deliver':
        return count(effect.round)
          ? { kind: 'delivered', ticket }
          : {
              kind: 'call-failed',
              ticket,
              failure: { kind: 'refused', code: 'ROUND_CLOSED', message: 'Too late.' },
            };
      case 'report-failure': {
        const { round } = effect.notice.round;
        if (round === current && !counted.has(round)) {
          gaveUp.add(round);
          current++;
        }
        return { kind: 'delivered', ticket };
      }
      default:
        throw new Error('this effect is not a call to the coordinator');
    }
  };

  take({ kind: 'start', update: kept });
  for (let events = 0; events < options.eventsMax; events++) {
    if (state.stage.kind === 'stopped' || (current > options.rounds && kept === undefined)) {
      break;
    }
    if (events === options.stopAt) {
      take({ kind: 'stop' });
    } else if (events < (options.stopAt ?? options.eventsMax) && happens(options.trouble / 4)) {
      // Killed: memory and everything under way is gone, the state directory stays.
      killedIn.add(state.stage.kind);
      outstanding = [];
      state = initialState;
      take({ kind: 'start', update: kept });
    } else {
      const chosen = pick(outstanding, entropy);
      outstanding = outstanding.filter(({ ticket }) => ticket !== chosen.ticket);
      take(answer(chosen));
    }
  }
  return { visited, counted, gaveUp, trainings, state, killedIn, kept };
}

function pick<T>(items: readonly T[], entropy: Entropy): T {
  return items[uniformInteger(entropy, items.length)];
}

function checkEffect(effect: Answered, outstanding: readonly Answered[]): void {
  const alone = effect.kind !== 'wait' && effect.kind !== 'ask-round';
  if (alone && outstanding.some(({ kind }) => kind === effect.kind)) {
    throw new Error(`a second ${effect.kind} while one is under way`);
  }
  if (effect.kind === 'wait') {
    const { earliestMs, latestMs } = effect.window;
    if (!(earliestMs >= 0 && latestMs >= earliestMs && latestMs <= 120_000)) {
      throw new Error(`a wait of ${earliestMs} to ${latestMs} ms`);
    }
  }
}

/** A machine that waits for what nobody will answer is dead; one that has more under way than it waits for, leaks. */
function checkStage(state: AgentState, outstanding: readonly Answered[]): void {
  const waitsFor = [...awaited(state.stage)].sort((a, b) => a - b);
  const underWay = outstanding.map(({ ticket }) => ticket).sort((a, b) => a - b);
  if (JSON.stringify(waitsFor) !== JSON.stringify(underWay)) {
    throw new Error(`"${state.stage.kind}" waits for ${waitsFor} while ${underWay} are under way`);
  }
}
