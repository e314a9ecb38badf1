/** What the agent's state machine is made of: stages, events and effects. All of it is plain data. */
import type { Assignment, FailureReason, FinishedUpdate, Outcome, RoundKey } from './assignment.js';
import type { Window } from './backoff.js';
import type { CallFailure, Directive, RoundState } from './transport.js';

/** Names one effect that was started; what it answers carries it, so that late answers are told apart. */
export type Ticket = number;

/** Work on a round that a broken connection interrupted. */
export type Unfinished =
  | { readonly kind: 'download'; readonly assignment: Assignment }
  | { readonly kind: 'join'; readonly assignment: Assignment }
  | { readonly kind: 'confirm'; readonly round: RoundKey }
  | { readonly kind: 'deliver'; readonly round: RoundKey; readonly outcome: Outcome };

/** What is under way to notice that a round went on without this device while it computes. */
export interface Watch {
  readonly kind: 'timer' | 'asking';
  readonly ticket: Ticket;
}

/**
 * `failures` counts failed calls in a row, and decides how long to stay away; `reason` is why there was no work
 * last time, so that it is said once.
 */
export type Stage =
  | { readonly kind: 'new' }
  | {
      readonly kind: 'idle';
      readonly timer: Ticket;
      readonly failures: number;
      readonly reason: string;
    }
  | {
      readonly kind: 'checking-in';
      readonly call: Ticket;
      readonly failures: number;
      readonly reason: string;
    }
  | {
      readonly kind: 'downloading';
      readonly assignment: Assignment;
      readonly call: Ticket;
      readonly failures: number;
    }
  | {
      readonly kind: 'joining';
      readonly assignment: Assignment;
      readonly call: Ticket;
      readonly failures: number;
    }
  | {
      readonly kind: 'computing';
      readonly assignment: Assignment;
      readonly work: Ticket;
      readonly watch: Watch;
    }
  | {
      readonly kind: 'delivering';
      readonly round: RoundKey;
      readonly outcome: Outcome;
      readonly call: Ticket;
      readonly failures: number;
    }
  | {
      readonly kind: 'confirming';
      readonly round: RoundKey;
      readonly call: Ticket;
      readonly failures: number;
    }
  | {
      readonly kind: 'paused';
      readonly unfinished: Unfinished;
      readonly timer: Ticket;
      readonly failures: number;
    }
  | {
      readonly kind: 'asking';
      readonly unfinished: Unfinished;
      readonly call: Ticket;
      readonly failures: number;
    }
  | {
      readonly kind: 'giving-up';
      readonly notice: FailureNotice;
      readonly call: Ticket;
      readonly tries: number;
    }
  | { readonly kind: 'stopping'; readonly call: Ticket; readonly timer: Ticket }
  | { readonly kind: 'stopped'; readonly exit: ExitReason };

/** Tells the coordinator that this device will not finish a round. */
export interface FailureNotice {
  readonly round: RoundKey;
  readonly reason: FailureReason;
  readonly message: string;
}

export type ExitReason =
  | { readonly kind: 'asked' }
  /** Agent and coordinator cannot work together; the message says what to do. */
  | { readonly kind: 'incompatible'; readonly message: string };

export interface AgentState {
  readonly nextTicket: Ticket;
  readonly stage: Stage;
}

export const initialState: AgentState = { nextTicket: 1, stage: { kind: 'new' } };

export type AgentEvent =
  /** `update` is what the state directory still holds from before; `unconfirmed`, the round it had masked an update for. */
  | {
      readonly kind: 'start';
      readonly update: FinishedUpdate | undefined;
      readonly unconfirmed?: RoundKey | undefined;
    }
  | { readonly kind: 'stop' }
  | { readonly kind: 'elapsed'; readonly ticket: Ticket }
  | { readonly kind: 'directive'; readonly ticket: Ticket; readonly directive: Directive }
  | { readonly kind: 'round-state'; readonly ticket: Ticket; readonly roundState: RoundState }
  | { readonly kind: 'fetched'; readonly ticket: Ticket }
  | { readonly kind: 'joined'; readonly ticket: Ticket }
  | { readonly kind: 'confirmed'; readonly ticket: Ticket }
  | { readonly kind: 'computed'; readonly ticket: Ticket; readonly outcome: Outcome }
  | { readonly kind: 'delivered'; readonly ticket: Ticket }
  | {
      readonly kind: 'call-failed';
      readonly ticket: Ticket;
      readonly failure: CallFailure;
      /** How long the call had been open, in milliseconds; 0 where it is left out. */
      readonly openMs?: number;
    }
  | {
      readonly kind: 'work-failed';
      readonly ticket: Ticket;
      readonly reason: FailureReason;
      readonly message: string;
    };

/** What the shell is to do. Each effect with a ticket is answered by one event with that ticket, unless cancelled. */
export type Effect =
  /** Answered by `elapsed` at a moment drawn from the window. */
  | { readonly kind: 'wait'; readonly ticket: Ticket; readonly window: Window }
  | { readonly kind: 'check-in'; readonly ticket: Ticket }
  | { readonly kind: 'ask-round'; readonly ticket: Ticket; readonly round: RoundKey }
  | { readonly kind: 'fetch'; readonly ticket: Ticket; readonly assignment: Assignment }
  /** Exchanges keys and shares with the cohort, so that what is computed can be masked. */
  | { readonly kind: 'join'; readonly ticket: Ticket; readonly assignment: Assignment }
  /** Signs whose updates are in the sum, and reveals the shares that take its masks off. */
  | { readonly kind: 'confirm'; readonly ticket: Ticket; readonly round: RoundKey }
  /** Trains, encodes and keeps the update, or evaluates. */
  | { readonly kind: 'compute'; readonly ticket: Ticket; readonly assignment: Assignment }
  | {
      readonly kind: 'deliver';
      readonly ticket: Ticket;
      readonly round: RoundKey;
      readonly outcome: Outcome;
    }
  | { readonly kind: 'report-failure'; readonly ticket: Ticket; readonly notice: FailureNotice }
  /** Ends the effect of that ticket; nothing more is heard of it. */
  | { readonly kind: 'cancel'; readonly ticket: Ticket }
  /** Removes a kept update from the state directory. */
  | { readonly kind: 'discard-update'; readonly update: FinishedUpdate }
  /** Removes the secrets of a round. */
  | { readonly kind: 'forget-round'; readonly round: RoundKey }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string }
  | { readonly kind: 'exit'; readonly reason: ExitReason };
