/** Drives the state machine: carries its effects out through the ports and hands it what came of them. */
import { type Clock, type Entropy, uniform } from '@starling/federation';
import { describeRound, type FinishedUpdate, type Outcome, type RoundKey } from './assignment.js';
import type { Window } from './backoff.js';
import type { MachineSettings } from './draft.js';
import { step } from './machine.js';
import type { SecureParty } from './secure-party.js';
import {
  type AgentEvent,
  type AgentState,
  type Effect,
  type ExitReason,
  initialState,
  type Stage,
  type Ticket,
} from './state.js';
import { CallError, type Transport } from './transport.js';
import type { Worker } from './worker.js';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ShellPorts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly transport: Transport;
  readonly worker: Worker;
  readonly party: SecureParty;
  readonly log: Log;
  readonly settings: MachineSettings;
  /** How long a check-in may be held open, in milliseconds. */
  readonly holdMsMax: number;
  /** Told of each step after it was taken. */
  readonly stepped?: ((transition: Transition) => void) | undefined;
}

/** One step of the machine. */
export interface Transition {
  readonly before: Stage;
  readonly event: AgentEvent;
  readonly after: Stage;
}

export interface Shell {
  stop(): void;
  readonly done: Promise<ExitReason>;
}

type Cancel = () => void;

/** Starts the loop; it goes on until it is stopped or the coordinator cannot work with this agent. */
export function runShell(
  ports: ShellPorts,
  kept: FinishedUpdate | undefined,
  unconfirmed?: RoundKey | undefined,
): Shell {
  let resolve: (reason: ExitReason) => void = () => {};
  const done = new Promise<ExitReason>((settle) => {
    resolve = settle;
  });
  const running = new Map<Ticket, Cancel>();
  const queue: AgentEvent[] = [];
  let state: AgentState = initialState;
  let busy = false;

  /** Events wait for the one before them: an effect may answer at once, while its step is still carried out. */
  function post(event: AgentEvent): void {
    queue.push(event);
    if (busy) {
      return;
    }
    busy = true;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const taken = step(ports.settings, state, next);
      const before = state.stage;
      state = taken.state;
      ports.stepped?.({ before, event: next, after: state.stage });
      for (const effect of taken.effects) {
        carryOut(effect);
      }
    }
    busy = false;
  }

  function carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'wait': {
        const { ticket } = effect;
        const scheduled = ports.clock.schedule(drawFrom(effect.window, ports.entropy), () => {
          running.delete(ticket);
          post({ kind: 'elapsed', ticket });
        });
        running.set(ticket, () => scheduled.cancel());
        return;
      }
      case 'cancel':
        running.get(effect.ticket)?.();
        running.delete(effect.ticket);
        return;
      case 'log':
        ports.log[effect.level]({}, effect.message);
        return;
      case 'discard-update':
        discard(effect.update);
        return;
      case 'forget-round':
        forget(effect.round);
        return;
      case 'exit':
        for (const cancel of running.values()) {
          cancel();
        }
        pendingDiscard.finally(() => resolve(effect.reason));
        return;
      default:
        launch(effect);
    }
  }

  let pendingDiscard: Promise<void> = Promise.resolve();

  function discard(update: FinishedUpdate): void {
    const before = pendingDiscard;
    pendingDiscard = ports.worker
      .discard(update)
      .catch((error: unknown) => {
        ports.log.error(
          { error: String(error) },
          'A finished update could not be removed from the state directory.',
        );
      })
      .then(() => before);
  }

  function forget(round: RoundKey): void {
    const before = pendingDiscard;
    pendingDiscard = ports.party
      .forget(round)
      .catch((error: unknown) => {
        ports.log.error(
          { error: String(error) },
          'Secrets of a round could not be removed from the state directory.',
        );
      })
      .then(() => before);
  }

  function launch(effect: CallEffect): void {
    const { ticket } = effect;
    const controller = new AbortController();
    const startedMs = ports.clock.monotonic();
    running.set(ticket, () => controller.abort(new DOMException('The agent cancelled this.', 'AbortError')));
    // An update that is done with must be gone before anything that may keep another.
    pendingDiscard
      .then(() => perform(ports, effect, controller.signal))
      .catch((error: unknown) => failureEvent(ports, effect, error, controller.signal))
      .then((event) =>
        event.kind === 'call-failed' ? { ...event, openMs: ports.clock.monotonic() - startedMs } : event,
      )
      .then((event) => {
        running.delete(ticket);
        // What is cancelled is not heard of again, but for an update that was kept in its last moment.
        if (!controller.signal.aborted || event.kind === 'computed') {
          post(event);
        }
      });
  }

  post({ kind: 'start', update: kept, unconfirmed });
  return { stop: () => post({ kind: 'stop' }), done };
}

/** A moment in the window, in milliseconds from now, each equally likely. */
export function drawFrom({ earliestMs, latestMs }: Window, entropy: Entropy): number {
  return earliestMs + (latestMs - earliestMs) * uniform(entropy);
}

type CallEffect = Extract<
  Effect,
  {
    kind: 'check-in' | 'ask-round' | 'fetch' | 'join' | 'compute' | 'deliver' | 'confirm' | 'report-failure';
  }
>;

async function perform(ports: ShellPorts, effect: CallEffect, signal: AbortSignal): Promise<AgentEvent> {
  const { transport, worker } = ports;
  const { ticket } = effect;
  switch (effect.kind) {
    case 'check-in': {
      const request = { taskNames: worker.taskNames, holdMsMax: ports.holdMsMax };
      return { kind: 'directive', ticket, directive: await transport.checkIn(request, signal) };
    }
    case 'ask-round':
      return { kind: 'round-state', ticket, roundState: await transport.roundState(effect.round, signal) };
    case 'fetch':
      await worker.fetch(effect.assignment, signal);
      return { kind: 'fetched', ticket };
    case 'join':
      await ports.party.join(effect.assignment, signal);
      return { kind: 'joined', ticket };
    case 'confirm':
      await ports.party.confirm(effect.round, signal);
      return { kind: 'confirmed', ticket };
    case 'compute': {
      const { round, work, taskName } = effect.assignment;
      ports.log.info({ ...round, task: taskName, work: work.kind }, `Works on ${describeRound(round)}.`);
      return { kind: 'computed', ticket, outcome: await worker.compute(effect.assignment, signal) };
    }
    case 'deliver':
      await deliver(transport, worker, effect.round, effect.outcome, signal);
      return { kind: 'delivered', ticket };
    case 'report-failure': {
      const { round, reason, message } = effect.notice;
      await transport.reportFailure(round, reason, message, signal);
      return { kind: 'delivered', ticket };
    }
  }
}

async function deliver(
  transport: Transport,
  worker: Worker,
  round: RoundKey,
  outcome: Outcome,
  signal: AbortSignal,
): Promise<void> {
  if (outcome.kind === 'evaluation') {
    await transport.reportEvaluation(round, outcome.metrics, signal);
    return;
  }
  const { update } = outcome;
  const held = await transport.heldUpload(update, signal);
  if (!held.counted) {
    const offset = Math.min(held.receivedBytes, update.bytes);
    await transport.upload(update, offset, worker.payload(update, offset), signal);
  }
}

async function failureEvent(
  { log, worker }: ShellPorts,
  effect: CallEffect,
  error: unknown,
  signal: AbortSignal,
): Promise<AgentEvent> {
  const { ticket } = effect;
  if (error instanceof CallError) {
    return { kind: 'call-failed', ticket, failure: error.failure };
  }
  if (
    !signal.aborted &&
    (effect.kind === 'fetch' ||
      effect.kind === 'join' ||
      effect.kind === 'compute' ||
      effect.kind === 'deliver' ||
      effect.kind === 'confirm')
  ) {
    const failure = await worker.explain(error, effect.kind === 'fetch' ? 'fetch' : 'compute');
    log.warn({ ...failure, error: error instanceof Error ? error.stack : undefined }, failure.message);
    return { kind: 'work-failed', ticket, ...failure };
  }
  const message = error instanceof Error ? error.message : 'The call failed for a reason that is not known.';
  return { kind: 'call-failed', ticket, failure: { kind: 'refused', code: 'UNKNOWN', message } };
}
