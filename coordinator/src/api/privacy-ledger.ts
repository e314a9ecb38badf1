import type * as wire from '@starling/proto';
import { CoordinatorError, refusal } from '../errors.js';
import type { TaskName } from '../ids.js';
import { type LedgerEntry, ledgerOf } from '../privacy/index.js';

/** A ledger as a message. Throws `LEDGER_UNKNOWN` for a task that never spent anything. */
export function ledgerMessage(
  taskName: TaskName,
  entries: readonly LedgerEntry[],
): wire.GetPrivacyLedgerResponse {
  const ledger = ledgerOf(entries);
  if (ledger === undefined) {
    throw new CoordinatorError(
      refusal(
        'not-found',
        'LEDGER_UNKNOWN',
        `Task ${taskName} has spent no privacy.`,
        'Give it a budget ("privacy: { kind: central, … }") and start a run.',
      ),
    );
  }
  return {
    epsilon: ledger.epsilon,
    epsilonBudget: ledger.budget.epsilon,
    delta: ledger.budget.delta,
    accountant: ledger.accountant,
    entries: entries.flatMap(({ atMs, event }) =>
      event.kind === 'ledger-opened'
        ? []
        : [
            {
              attemptId: event.attemptId,
              atMs,
              epsilon: event.epsilonAfter,
              mechanismJson: JSON.stringify(event.mechanism),
            },
          ],
    ),
  };
}
