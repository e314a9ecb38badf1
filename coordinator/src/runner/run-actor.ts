/** Drives one run's state machine: one command after the other, events into the store, then effects out. */

import { isLive, type RoundState } from '../rounds/index.js';
import {
  decideRun,
  evolveRun,
  type Recorded,
  type RunCommand,
  type RunDecision,
  type RunEffect,
  type RunEvent,
  type RunState,
} from '../runs/index.js';
import { createSerialQueue } from '../serial-queue.js';
import type { ExchangeMessage, RunSummary, Store } from '../storage/index.js';

/** `messages`, which the command's events name, become durable with them. */
export type Apply = (command: RunCommand, messages?: readonly ExchangeMessage[]) => Promise<RunDecision>;

export interface RunActor {
  state(): RunState;
  /** Position of the newest event. */
  sequence(): number;
  /** The newest attempts, the live one included, newest first: late messages are answered from these. */
  rounds(): readonly RoundState[];
  submit(command: RunCommand): Promise<RunDecision>;
  /** Runs a job during which nobody else changes the run. */
  exclusive<T>(job: (apply: Apply) => Promise<T>): Promise<T>;
  /** Resolves once all that was handed in before is done. */
  settled(): Promise<void>;
}

export interface RunActorOptions {
  readonly recorded: readonly Recorded[];
  readonly store: Store;
  readonly onEvents: (events: readonly RunEvent[]) => void;
  readonly perform: (effect: RunEffect) => void;
}

/** Attempts that stay in memory after their end, to answer late and repeated messages exactly. */
const roundsRemembered = 8;
const eventsPerPage = 1000;

/** Reads a run's whole log. */
export async function readRun(store: Store, runId: RunSummary['runId']): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  for (;;) {
    const page = await store.events.read(runId, recorded.length, eventsPerPage);
    recorded.push(...page);
    if (page.length < eventsPerPage) return recorded;
  }
}

/** Folds a log that is not empty. */
export function createRunActor({ recorded, store, onEvents, perform }: RunActorOptions): RunActor {
  const queue = createSerialQueue();
  let folded: RunState | null = null;
  let remembered: RoundState[] = [];
  for (const { event } of recorded) {
    folded = evolveRun(folded, event);
    remembered = remember(remembered, folded.round);
  }
  if (folded === null) throw new Error('a run has at least the event of its start');
  let state: RunState = folded;
  let sequence = recorded.length;

  const apply: Apply = async (command, messages) => {
    const decision = decideRun(state, command);
    if (decision.kind === 'refused' || decision.events.length === 0) return decision;
    let after = state;
    let rounds = remembered;
    for (const event of decision.events) {
      after = evolveRun(after, event);
      rounds = remember(rounds, after.round);
    }
    await store.events.append(state.started.runId, sequence, decision.events, summaryOf(after), messages);
    state = after;
    remembered = rounds;
    sequence += decision.events.length;
    onEvents(decision.events);
    for (const effect of decision.effects) perform(effect);
    return decision;
  };

  return {
    state: () => state,
    sequence: () => sequence,
    rounds: () => remembered,
    submit: (command) => queue.run(() => apply(command)),
    exclusive: (job) => queue.run(() => job(apply)),
    settled: () => queue.run(async () => undefined),
  };
}

function remember(rounds: readonly RoundState[], newest: RoundState | null): RoundState[] {
  if (newest === null) return [...rounds];
  const others = rounds.filter((round) => round.started !== newest.started && !isLive(round));
  return [newest, ...others].slice(0, roundsRemembered);
}

/** What a run's state looks like at a glance. */
export function summaryOf(state: RunState): RunSummary {
  const ended = state.kind === 'running' ? undefined : state.ended;
  const { analytics: query } = state.started.settings;
  return {
    runId: state.started.runId,
    taskName: state.started.taskName,
    taskVersion: state.started.taskVersion,
    state: state.kind,
    reason: ended?.reason ?? '',
    roundsCommitted: state.roundsCommitted,
    roundsTarget: state.roundsTarget,
    startedAtMs: state.started.atMs,
    endedAtMs: ended?.atMs ?? 0,
    checkpoint: state.checkpoint,
    metrics: state.metrics,
    bytesUploaded: state.bytesUploaded,
    bytesDownloaded: state.bytesDownloaded,
    privacy: state.privacy,
    analytics: query === null ? null : { query, result: state.analytics },
  };
}
