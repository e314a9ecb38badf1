/** What the owner of a task signs beside its plan: all that the training may ask of a device. */
import { canonicalTermsJson } from '@starling/proto';
import { privacyTerms } from '../privacy/index.js';
import { groupsIn } from './aggregation.js';
import type { SecureAggregationDefinition, TaskDefinition } from './definition.js';
import { privacySettingsOf } from './privacy.js';
import { smallestSumOf } from './secure-settings.js';

/**
 * Canonical JSON; `parameterCount` is the plan's. A device refuses an assignment that asks for anything else than its
 * terms say.
 */
export function formatTerms(definition: TaskDefinition, parameterCount: number): string {
  const { encoding, training, evaluation, secureAggregation } = definition;
  return canonicalTermsJson({
    epochs: training.epochs,
    examplesMax: training.examplesMax,
    encoding,
    privacy: privacyTerms(privacySettingsOf(definition, parameterCount)),
    secureAggregation: secureAggregation && {
      ...secureTerms(secureAggregation),
      cohortMinimum: cohortMinima(definition),
    },
    holdoutPermille: Math.round((evaluation.federated?.holdout ?? 0) * 1000),
  });
}

function secureTerms(secure: SecureAggregationDefinition): object {
  const { corruptFraction, dropoutFraction, securityBits, correctnessBits, encoding } = secure;
  const { bits, rotation } = encoding;
  return { corruptFraction, dropoutFraction, securityBits, correctnessBits, bits, rotation };
}

/** The fewest devices that a sum is of, by what they do: a coordinator may ask for more, and never for fewer. */
function cohortMinima({ cohort, evaluation, strategy }: TaskDefinition): object {
  return {
    train: smallestSumOf(cohort.minimum, groupsIn(strategy)),
    evaluate: smallestSumOf((evaluation.federated?.cohort ?? cohort).minimum, 1),
    analyze: smallestSumOf(cohort.minimum, 1),
  };
}
