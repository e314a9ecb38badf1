/** The survivors sign whose updates are in the sum, so that nobody can be told of other survivors. */
import type { Collecting } from './collect.js';
import type { CollectionClosed } from './events.js';
import { type Exchange, entered } from './exchange.js';
import { secureSettingsOf } from './secure-stages.js';

export interface ConfirmingSurvivors extends Exchange {
  readonly stage: 'consistency';
}

export function confirmingSurvivors(state: Collecting, event: CollectionClosed): ConfirmingSurvivors {
  const { answersTimeoutMs } = secureSettingsOf(state.started.settings);
  return entered('consistency', state, new Set(state.counted.keys()), event.atMs, {
    timeoutMs: answersTimeoutMs,
  });
}
