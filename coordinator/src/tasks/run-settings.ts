import type { RoundSettings } from '../rounds/index.js';
import type { Objective, RunSettings } from '../runs/settings.js';
import { groupsIn } from './aggregation.js';
import {
  type CohortDefinition,
  isBetterHigher,
  type ObjectiveDefinition,
  type TaskDefinition,
} from './definition.js';
import { largestShareOf, privacySettingsOf } from './privacy.js';
import { requirementsOf } from './secure-settings.js';

/** What a run of the task goes by; `parameterCount` is the model's. */
export function runSettingsOf(definition: TaskDefinition, parameterCount: number): RunSettings {
  const { evaluation, stop } = definition;
  return {
    rounds: stop.rounds,
    attemptsMax: definition.attempts,
    train: {
      ...roundSettings(definition.cohort, definition, groupsIn(definition.strategy)),
      ...shareMaxOf(definition),
    },
    federatedEvaluation: evaluation.federated && {
      everyRounds: evaluation.federated.everyRounds,
      round: roundSettings(evaluation.federated.cohort, definition),
    },
    privacy: privacySettingsOf(definition, parameterCount),
    analytics: null,
    centralEvaluation: evaluation.central && { everyRounds: evaluation.central.everyRounds },
    stop: {
      ...(stop.target && { target: { ...objective(stop.target), value: stop.target.value } }),
      ...(stop.patience && {
        patience: {
          ...objective(stop.patience),
          measurements: stop.patience.measurements,
          minDelta: stop.patience.minimumChange,
        },
      }),
    },
  };
}

function shareMaxOf(definition: TaskDefinition): Pick<RoundSettings, 'shareMax'> {
  const shareMax = largestShareOf(definition);
  return shareMax === undefined || shareMax === 1 ? {} : { shareMax };
}

function objective({ metric, source }: ObjectiveDefinition): Objective {
  return { metric, source, better: isBetterHigher(metric) ? 'higher' : 'lower' };
}

function roundSettings(
  cohort: CohortDefinition,
  { deadlines, secureAggregation }: TaskDefinition,
  groups = 1,
): RoundSettings {
  return {
    updatesWanted: cohort.size,
    overSelection: cohort.overSelection,
    updatesMin: cohort.minimum,
    recruitTimeoutMs: deadlines.recruitMs,
    recruitGraceMs: deadlines.recruitGraceMs,
    collectTimeoutMs: deadlines.collectMs,
    collectProgressMs: deadlines.collectProgressMs,
    collectTimeoutMaxMs: deadlines.collectMaxMs,
    secure: secureAggregation && {
      requirements: requirementsOf(secureAggregation),
      ...(groups > 1 && { groups }),
      keysTimeoutMs: secureAggregation.keysMs,
      answersTimeoutMs: secureAggregation.answersMs,
      answersGraceMs: secureAggregation.answersGraceMs,
    },
  };
}
