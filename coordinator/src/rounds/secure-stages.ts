import { survivorsMinimum } from '@starling/federation';
import { assert } from '../errors.js';
import type { Exchange, ExchangeRules, ExchangeState } from './exchange.js';
import { type GroupedCohort, groupMinimumOf, groupsOf } from './groups.js';
import type { Quorum } from './quorum.js';
import type { RoundSettings, SecureStageSettings } from './settings.js';

/** The settings of the stages that secure aggregation adds; only a round that has them gets there. */
export function secureSettingsOf(settings: RoundSettings): SecureStageSettings {
  assert(settings.secure !== null, 'only a securely aggregated round exchanges keys');
  return settings.secure;
}

/** Fewest survivors with which the secrets of those who advertised keys can still be opened, of each group. */
export function secureQuorums(round: GroupedCohort & Pick<Exchange, 'advertised'>): readonly Quorum[] {
  const { settings } = round.started;
  const { requirements } = secureSettingsOf(settings);
  const cohortMinimum = groupMinimumOf(settings);
  return groupsOf(round).map((devices) => {
    const advertised = [...devices].filter((deviceId) => round.advertised.has(deviceId)).length;
    return { devices, minimum: survivorsMinimum({ cohortMinimum, requirements }, advertised) };
  });
}

/** How a stage waits; see the stages' own files. */
export function exchangeRules(
  round: Pick<ExchangeState, 'stage'> & GroupedCohort & Pick<Exchange, 'advertised'>,
): ExchangeRules {
  const { settings } = round.started;
  const secure = secureSettingsOf(settings);
  const answers = { timeoutMs: secure.answersTimeoutMs, graceMs: secure.answersGraceMs };
  switch (round.stage) {
    case 'advertise-keys': {
      const minimum = groupMinimumOf(settings);
      return {
        timeoutMs: secure.keysTimeoutMs,
        graceMs: undefined,
        quorums: groupsOf(round).map((devices) => ({ devices, minimum })),
      };
    }
    case 'share-keys':
    case 'consistency':
      return { ...answers, quorums: secureQuorums(round) };
    case 'unmask':
      return { timeoutMs: secure.answersTimeoutMs, graceMs: undefined, quorums: undefined };
  }
}
