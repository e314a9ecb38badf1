import {
  computeRing,
  type GraphRequirements,
  graphParameters,
  type ModularMetric,
  SecureAggregationError,
  type SecureRoundSettings,
  VectorError,
} from '@starling/federation';
import { cohortSizeOf } from '../rounds/settings.js';
import type { CohortDefinition, SecureAggregationDefinition, TaskDefinition } from './definition.js';
import type { Problem } from './places.js';

/** γ, δ, σ and η alone. */
export function requirementsOf(secure: SecureAggregationDefinition): GraphRequirements {
  const { corruptFraction, dropoutFraction, securityBits, correctnessBits } = secure;
  return { corruptFraction, dropoutFraction, securityBits, correctnessBits };
}

/** Bits of a metric's sum: finer than a f32. */
const metricBits = 30;

/**
 * How contributions of a cohort are summed, in `groups` groups of their own masks; `parameterCount` is 1 where there is nothing but metrics to sum. `null` where
 * the task sends them in the clear. Throws `VectorError` `invalid-encoding` that explains what does not fit.
 */
export function secureRoundSettings(
  definition: TaskDefinition,
  { size, minimum, overSelection }: CohortDefinition,
  parameterCount: number,
  metricNames: readonly string[],
  groups = 1,
): SecureRoundSettings | null {
  const secure = definition.secureAggregation;
  if (secure === null) return null;
  const { encoding } = secure;
  const { weighting } = definition.strategy;
  const weightMaximum = weighting === 'uniform' ? 1 : secure.weightMaximum;
  const metrics = metricNames.map(
    (name): ModularMetric => ({
      name,
      minimum: 0,
      maximum: weightMaximum * (name === 'accuracy' ? 1 : secure.metricMaximum),
      bits: metricBits,
    }),
  );
  const layout = computeRing({
    encoding,
    parameterCount,
    cohort: Math.ceil(cohortSizeOf({ updatesWanted: size, overSelection }) / groups),
    weightMaximum,
    metrics,
  });
  return {
    requirements: requirementsOf(secure),
    cohortMinimum: smallestSumOf(minimum, groups),
    privacy: { kind: 'none' },
    weighting,
    layout,
  };
}

/** The fewest devices that a sum is of, where a cohort of at least `minimum` is split into so many groups. */
export function smallestSumOf(minimum: number, groups: number): number {
  return Math.max(2, Math.floor(minimum / groups));
}

/** A roster names every device by 32 bytes, and a few hundred neighbours whole: more do not fit a message of 1 MiB. */
const devicesMaximum = 20_000;

/** Why no cohort of this task can be summed securely, with a way out. */
export function checkSecureAggregation(
  definition: TaskDefinition,
  cohort: CohortDefinition,
  path: readonly string[],
  groups = 1,
): Problem[] {
  const secure = definition.secureAggregation;
  if (secure === null) return [];
  if (cohort.minimum < 2) {
    const message =
      'is 1, but a sum of one device hides nothing; make it at least 2, or set "secureAggregation: none"';
    return [{ path: [...path, 'minimum'], message }];
  }
  const largest = Math.ceil(
    cohortSizeOf({ updatesWanted: cohort.size, overSelection: cohort.overSelection }) / groups,
  );
  if (largest > devicesMaximum) {
    const message =
      `asks for a sum of ${largest} devices under masks, but the list of them that each device checks has room for ` +
      `${devicesMaximum}; make it smaller, or sum in groups`;
    return [{ path: [...path, 'size'], message }];
  }
  try {
    for (const size of new Set([Math.floor(cohort.minimum / groups), largest])) {
      graphParameters(Math.max(2, size), requirementsOf(secure));
    }
  } catch (error) {
    if (!(error instanceof SecureAggregationError)) throw error;
    return [{ path: ['secureAggregation'], message: error.message }];
  }
  try {
    // The ring depends on bits, cohort and weights; the number of parameters is not what does not fit.
    secureRoundSettings(definition, cohort, 1, [], groups);
  } catch (error) {
    if (!(error instanceof VectorError)) throw error;
    return [{ path: ['secureAggregation', 'encoding'], message: error.message }];
  }
  return [];
}
