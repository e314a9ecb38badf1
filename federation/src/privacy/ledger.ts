/**
 * The privacy ledger of a task: what may be spent, what was, and a stop before it would be more. Pure and sourced
 * from events: the caller stores each event before the round it pays for starts, and gets the same ledger back from
 * `replayLedger` after a crash. Nothing is ever given back: a round that was paid for and then abandoned stays paid.
 */
import { type Accountant, epsilonSpent } from './accountants/index.js';
import { PrivacyError } from './errors.js';
import {
  checkDelta,
  checkEpsilon,
  checkMechanism,
  type PrivacyMechanism,
  type PrivateRounds,
} from './mechanism.js';
import { sameMechanism, withMoreRounds } from './spent.js';

export interface PrivacyBudget {
  readonly epsilon: number;
  readonly delta: number;
}

/** The first event of every ledger; its settings never change, or ε of different rounds would not compare. */
export interface LedgerOpened {
  readonly kind: 'ledger-opened';
  readonly budget: PrivacyBudget;
  readonly accountant: Accountant;
}

/** One attempt at a round, paid for. */
export interface RoundSpent {
  readonly kind: 'round-spent';
  /** Names the attempt: a round that is tried again is another attempt and pays again. */
  readonly attemptId: string;
  readonly mechanism: PrivacyMechanism;
  /** ε of everything up to and including this attempt, at the budget's δ. */
  readonly epsilonAfter: number;
}

export type LedgerEvent = LedgerOpened | RoundSpent;

/** Plain data, derived from the events alone. */
export interface PrivacyLedger {
  readonly budget: PrivacyBudget;
  readonly accountant: Accountant;
  /** What was spent, like with like. */
  readonly spent: readonly PrivateRounds[];
  /** Attempts paid for, by id. */
  readonly attempts: ReadonlyMap<string, PrivacyMechanism>;
  /** ε of everything spent; 0 before the first round. */
  readonly epsilon: number;
}

/** The answer to a wish to spend. */
export type SpendDecision =
  /** Store `event`, then start the round. */
  | { readonly kind: 'granted'; readonly event: RoundSpent; readonly ledger: PrivacyLedger }
  /** This attempt was paid for already, as after a crash between storing and starting: start, store nothing. */
  | { readonly kind: 'already-paid'; readonly ledger: PrivacyLedger }
  | SpendRefusal;

/** The hard stop. */
export interface SpendRefusal {
  readonly kind: 'refused';
  readonly code: 'PRIVACY_BUDGET_EXHAUSTED' | 'PRIVACY_ATTEMPT_CONFLICT';
  /** What is wrong, and what to do. */
  readonly message: string;
  /** ε that the round would have led to; absent for a conflict. */
  readonly epsilonWould?: number;
}

/** Opens a ledger. Throws a `PrivacyError` for a budget without sense. */
export function openLedger(
  budget: PrivacyBudget,
  accountant: Accountant,
): { readonly event: LedgerOpened; readonly ledger: PrivacyLedger } {
  const event: LedgerOpened = { kind: 'ledger-opened', budget, accountant };
  return { event, ledger: opened(event) };
}

/** Asks to pay for one attempt at a round that uses `mechanism`. */
export function spend(ledger: PrivacyLedger, attemptId: string, mechanism: PrivacyMechanism): SpendDecision {
  checkMechanism(mechanism);
  const before = ledger.attempts.get(attemptId);
  if (before !== undefined) {
    if (sameMechanism(before, mechanism)) return { kind: 'already-paid', ledger };
    return {
      kind: 'refused',
      code: 'PRIVACY_ATTEMPT_CONFLICT',
      message: `Attempt ${attemptId} was paid for with other noise or sampling. Start a new attempt, which pays for itself.`,
    };
  }
  const spent = withMoreRounds(ledger.spent, mechanism, 1);
  // ε never falls with more rounds; where rounding says otherwise, the larger figure is the honest one.
  const epsilon = Math.max(ledger.epsilon, epsilonSpent(ledger.accountant, spent, ledger.budget.delta));
  if (!(epsilon <= ledger.budget.epsilon)) {
    return {
      kind: 'refused',
      code: 'PRIVACY_BUDGET_EXHAUSTED',
      message: `This round would take ε from ${ledger.epsilon.toPrecision(5)} to ${epsilon.toPrecision(5)} (δ = ${ledger.budget.delta}), above the budget of ${ledger.budget.epsilon}. Keep the model as it is, or open a new task over other data.`,
      epsilonWould: epsilon,
    };
  }
  const event: RoundSpent = { kind: 'round-spent', attemptId, mechanism, epsilonAfter: epsilon };
  return { kind: 'granted', event, ledger: withAttempt(ledger, event, spent) };
}

/** What is left of ε; never negative. */
export function epsilonLeft(ledger: PrivacyLedger): number {
  return Math.max(0, ledger.budget.epsilon - ledger.epsilon);
}

/** How many more rounds like `mechanism` the budget allows, counting no further than `most`. */
export function roundsLeft(ledger: PrivacyLedger, mechanism: PrivacyMechanism, most = 1_000_000): number {
  const affordable = (rounds: number): boolean =>
    epsilonSpent(ledger.accountant, withMoreRounds(ledger.spent, mechanism, rounds), ledger.budget.delta) <=
    ledger.budget.epsilon;
  let atLeast = 0;
  let tooMany = 1;
  while (tooMany <= most && affordable(tooMany)) {
    atLeast = tooMany;
    tooMany *= 2;
  }
  tooMany = Math.min(tooMany, most + 1);
  while (tooMany - atLeast > 1) {
    const middle = Math.floor((atLeast + tooMany) / 2);
    if (affordable(middle)) atLeast = middle;
    else tooMany = middle;
  }
  return atLeast;
}

/**
 * The ledger that stored events add up to. Throws `corrupt-ledger` when they are not what `openLedger` and `spend`
 * gave out: no opening, two of them, an attempt twice, or an ε that falls.
 */
export function replayLedger(events: Iterable<LedgerEvent>): PrivacyLedger {
  let ledger: PrivacyLedger | undefined;
  for (const event of events) ledger = applyLedgerEvent(ledger, event);
  if (ledger === undefined) throw corrupt('there are no events');
  return ledger;
}

/** One step of `replayLedger`; `undefined` is the state before any event. */
export function applyLedgerEvent(ledger: PrivacyLedger | undefined, event: LedgerEvent): PrivacyLedger {
  if (event.kind === 'ledger-opened') {
    if (ledger !== undefined) throw corrupt('it is opened twice');
    return opened(event);
  }
  if (ledger === undefined) throw corrupt('a round is paid for before it is opened');
  checkMechanism(event.mechanism);
  if (ledger.attempts.has(event.attemptId)) throw corrupt(`attempt ${event.attemptId} is paid for twice`);
  if (!(event.epsilonAfter >= ledger.epsilon)) throw corrupt(`ε falls at attempt ${event.attemptId}`);
  return withAttempt(ledger, event, withMoreRounds(ledger.spent, event.mechanism, 1));
}

function opened({ budget, accountant }: LedgerOpened): PrivacyLedger {
  checkEpsilon(budget.epsilon);
  checkDelta(budget.delta);
  return { budget, accountant, spent: [], attempts: new Map(), epsilon: 0 };
}

function withAttempt(
  ledger: PrivacyLedger,
  event: RoundSpent,
  spent: readonly PrivateRounds[],
): PrivacyLedger {
  const attempts = new Map(ledger.attempts).set(event.attemptId, event.mechanism);
  return { ...ledger, spent, attempts, epsilon: event.epsilonAfter };
}

function corrupt(what: string): PrivacyError {
  return new PrivacyError(
    'corrupt-ledger',
    `The stored privacy ledger does not hold together: ${what}.`,
    'Restore the store from a backup; do not start rounds on a ledger that forgot some.',
  );
}
