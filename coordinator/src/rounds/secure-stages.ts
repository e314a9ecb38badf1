import { survivorsMinimum } from '@starling/federation';
import { assert } from '../errors.js';
import type { Exchange, ExchangeRules, ExchangeState } from './exchange.js';
import type { RoundSettings, SecureStageSettings } from './settings.js';

/** The settings of the stages that secure aggregation adds; only a round that has them gets there. */
export function secureSettingsOf(settings: RoundSettings): SecureStageSettings {
  assert(settings.secure !== null, 'only a securely aggregated round exchanges keys');
  return settings.secure;
}

/** Fewest survivors with which the secrets of a cohort of `advertised` devices can still be opened. */
export function secureMinimum(settings: RoundSettings, advertised: number): number {
  const { requirements } = secureSettingsOf(settings);
  return survivorsMinimum({ cohortMinimum: Math.max(2, settings.updatesMin), requirements }, advertised);
}

/** How a stage waits; see the stages' own files. */
export function exchangeRules({
  stage,
  started,
  advertised,
}: Pick<ExchangeState, 'stage'> & Pick<Exchange, 'started' | 'advertised'>): ExchangeRules {
  const { settings } = started;
  const secure = secureSettingsOf(settings);
  const answers = { timeoutMs: secure.answersTimeoutMs, graceMs: secure.answersGraceMs };
  switch (stage) {
    case 'advertise-keys':
      return {
        timeoutMs: secure.keysTimeoutMs,
        graceMs: undefined,
        quorum: Math.max(2, settings.updatesMin),
      };
    case 'share-keys':
    case 'consistency':
      return { ...answers, quorum: secureMinimum(settings, advertised.size) };
    case 'unmask':
      return { timeoutMs: secure.answersTimeoutMs, graceMs: undefined, quorum: undefined };
  }
}
