/** The survivors reveal shares, until all masks of the sum can be taken off; fewer help nothing. */
import type { ConfirmingSurvivors } from './consistency.js';
import type { StageClosed } from './events.js';
import { type Exchange, entered } from './exchange.js';
import { secureSettingsOf } from './secure-stages.js';

export interface Unmasking extends Exchange {
  readonly stage: 'unmask';
}

export function unmasking(state: ConfirmingSurvivors, event: StageClosed): Unmasking {
  const { answersTimeoutMs } = secureSettingsOf(state.started.settings);
  return entered('unmask', state, state.expected, event.atMs, { timeoutMs: answersTimeoutMs });
}
