/** The cohort's devices advertise fresh keys. Who has not when the stage ends is not in the roster: nothing is lost yet. */
import type { CohortSelected } from './events.js';
import { type Exchange, entered } from './exchange.js';
import type { Recruiting } from './recruit.js';
import { secureSettingsOf } from './secure-stages.js';

export interface AdvertisingKeys extends Exchange {
  readonly stage: 'advertise-keys';
}

export function advertisingKeys(state: Recruiting, event: CohortSelected): AdvertisingKeys {
  const cohort = new Set(event.devices);
  const { keysTimeoutMs } = secureSettingsOf(state.started.settings);
  const collected = {
    started: state.started,
    selectedAtMs: event.atMs,
    cohort,
    updatesWanted: event.updatesWanted,
    counted: new Map(),
    failed: new Map(),
    partialSum: null,
    advertised: new Set<never>(),
    expected: cohort,
  };
  return entered('advertise-keys', collected, cohort, event.atMs, { timeoutMs: keysTimeoutMs });
}
