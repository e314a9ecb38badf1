/** The privacy ledgers of all tasks: a round pays here before it starts, and what was paid is never forgotten. */
import {
  applyLedgerEvent,
  type LedgerEvent,
  openLedger,
  type PrivacyLedger,
  replayLedger,
  spend,
} from '@starling/federation';
import { CoordinatorError, refusal } from '../errors.js';
import type { RoundKey, TaskName } from '../ids.js';
import type { PrivacySettings, RoundPayment } from './settings.js';

/** An entry with its position in the task's ledger, counted from 1. */
export interface LedgerEntry {
  readonly sequence: number;
  readonly atMs: number;
  readonly event: LedgerEvent;
}

/** Where ledgers are kept. */
export interface LedgerStore {
  /** Durable when the promise resolves. Rejects where `afterSequence` is not the ledger's last entry. */
  append(
    taskName: TaskName,
    afterSequence: number,
    atMs: number,
    events: readonly LedgerEvent[],
  ): Promise<void>;
  /** All entries, in order; none for a task that never spent anything. */
  read(taskName: TaskName): Promise<readonly LedgerEntry[]>;
}

export interface Ledgers {
  /**
   * Pays for one attempt at a round, or says that the budget is not enough. Durable when this resolves; the same attempt
   * pays once, however often it asks. Throws `PRIVACY_BUDGET_CHANGED` where the task's ledger has another budget.
   */
  pay(taskName: TaskName, settings: PrivacySettings, key: RoundKey): Promise<RoundPayment>;
  /** Throws `PRIVACY_BUDGET_CHANGED` unless a run under these settings may spend from the task's ledger. */
  check(taskName: TaskName, settings: PrivacySettings | null): Promise<void>;
}

export function createLedgers(store: LedgerStore, now: () => number): Ledgers {
  /** One payment after the other: two runs of a task share its budget. */
  let paying: Promise<unknown> = Promise.resolve();

  const payNext = async (
    taskName: TaskName,
    settings: PrivacySettings,
    key: RoundKey,
  ): Promise<RoundPayment> => {
    const stored = await store.read(taskName);
    const before = stored.map(({ event }) => event);
    checkSame(taskName, before, settings);
    const opening = before.length > 0 ? [] : [openLedger(settings.budget, settings.accountant).event];
    const ledger = replayLedger([...before, ...opening]);
    const attemptId = `${key.runId}/${key.round}/${key.attempt}`;
    const decision = spend(ledger, attemptId, settings.mechanism);
    switch (decision.kind) {
      case 'granted':
        await store.append(taskName, before.length, now(), [...opening, decision.event]);
        return { kind: 'paid', epsilon: decision.ledger.epsilon };
      case 'already-paid':
        return { kind: 'paid', epsilon: ledger.epsilon };
      case 'refused':
        if (decision.code === 'PRIVACY_BUDGET_EXHAUSTED') {
          return { kind: 'exhausted', reason: `The privacy budget is used up. ${decision.message}` };
        }
        throw new CoordinatorError(
          refusal('failed-precondition', decision.code, decision.message, 'Start a new run.'),
        );
    }
  };

  return {
    pay(taskName, settings, key) {
      const payment = paying.then(() => payNext(taskName, settings, key));
      paying = payment.catch(() => undefined);
      return payment;
    },
    async check(taskName, settings) {
      checkSame(
        taskName,
        (await store.read(taskName)).map(({ event }) => event),
        settings,
      );
    },
  };
}

/** The ledger that entries add up to; `undefined` for none. */
export function ledgerOf(entries: readonly LedgerEntry[]): PrivacyLedger | undefined {
  let ledger: PrivacyLedger | undefined;
  for (const { event } of entries) ledger = applyLedgerEvent(ledger, event);
  return ledger;
}

/** ε of different budgets does not add up, and a task that drops its budget would make the spent one worthless. */
function checkSame(
  taskName: TaskName,
  events: readonly LedgerEvent[],
  settings: PrivacySettings | null,
): void {
  const [first] = events;
  if (first?.kind !== 'ledger-opened') return;
  const { budget, accountant } = first;
  if (
    settings !== null &&
    settings.budget.epsilon === budget.epsilon &&
    settings.budget.delta === budget.delta &&
    settings.accountant === accountant
  ) {
    return;
  }
  const wanted =
    settings === null
      ? 'no privacy at all'
      : `ε = ${settings.budget.epsilon}, δ = ${settings.budget.delta} by ${settings.accountant}`;
  throw new CoordinatorError(
    refusal(
      'failed-precondition',
      'PRIVACY_BUDGET_CHANGED',
      `Task ${taskName} has spent from a budget of ε = ${budget.epsilon}, δ = ${budget.delta} by ${accountant}; it cannot go on with ${wanted}.`,
      'Keep the budget, or make a task of another name; over the same data, what both spend adds up.',
    ),
  );
}
