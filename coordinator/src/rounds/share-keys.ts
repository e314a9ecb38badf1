/**
 * The devices of the roster share their secrets with their neighbours. Who has not when the stage ends is lost before
 * there are any masks with it.
 */
import type { AdvertisingKeys } from './advertise-keys.js';
import type { StageClosed } from './events.js';
import { type Exchange, entered } from './exchange.js';
import { secureSettingsOf } from './secure-stages.js';

export interface SharingKeys extends Exchange {
  readonly stage: 'share-keys';
}

export function sharingKeys(state: AdvertisingKeys, event: StageClosed): SharingKeys {
  const { answersTimeoutMs } = secureSettingsOf(state.started.settings);
  const collected = { ...state, advertised: state.answered };
  return entered('share-keys', collected, state.answered, event.atMs, { timeoutMs: answersTimeoutMs });
}
