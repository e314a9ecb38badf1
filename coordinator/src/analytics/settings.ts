import { ExamplesError, findColumn, parseFeatureContract } from '@starling/engine';
import { type AnalyticsQuery, calibrateNoise, PrivacyError, vectorNormMax } from '@starling/federation';
import { CoordinatorError, refusal } from '../errors.js';
import type { PrivacySettings } from '../privacy/index.js';
import type { PreparedTask } from '../runner/index.js';
import type { RunSettings } from '../runs/index.js';

/**
 * A run of one round with the task's cohort. Where the task has a privacy budget the answer pays from it: `epsilon` is
 * what it may cost by itself. Throws `ANALYTICS_INVALID` for columns that are not there and answers nobody pays for.
 */
export function analyticsSettings(
  task: PreparedTask,
  query: AnalyticsQuery,
  epsilon: number | undefined,
): RunSettings {
  checkColumn(task, query);
  return {
    ...task.runSettings,
    rounds: 1,
    federatedEvaluation: null,
    centralEvaluation: null,
    stop: {},
    analytics: query,
    privacy: privacyOf(task, query, epsilon),
  };
}

function privacyOf(
  task: PreparedTask,
  query: AnalyticsQuery,
  epsilon: number | undefined,
): PrivacySettings | null {
  const { privacy } = task.runSettings;
  if (privacy === null) {
    if (epsilon === undefined) return null;
    throw invalid(
      `Task ${task.name} has no privacy budget to spend ε = ${epsilon} from.`,
      'Give the task one ("privacy: { kind: central, … }"), or ask without --epsilon.',
    );
  }
  if (epsilon === undefined) {
    throw invalid(
      `Task ${task.name} has a privacy budget of ε = ${privacy.budget.epsilon}, from which the answer must be paid.`,
      'Say with --epsilon how much it may cost; less gives a noisier answer.',
    );
  }
  const { budget, accountant } = privacy;
  const noiseMultiplier = multiplierFor(epsilon, privacy);
  return {
    kind: 'central',
    budget,
    accountant,
    // Of who is asked nothing is claimed: no amplification by sampling.
    mechanism: { kind: 'gaussian', noiseMultiplier, sampling: 1 },
    clipping: { kind: 'fixed', bound: vectorNormMax(query) },
    updateNoiseMultiplier: noiseMultiplier,
  };
}

function multiplierFor(epsilon: number, { budget, accountant }: PrivacySettings): number {
  try {
    const target = { epsilon, delta: budget.delta, rounds: 1, sampling: 1, accountant };
    return calibrateNoise(target).noiseMultiplier;
  } catch (error) {
    if (error instanceof PrivacyError) throw invalid(error.message, 'Choose another --epsilon.');
    throw error;
  }
}

function checkColumn({ featureContractJson }: PreparedTask, { column, statistic }: AnalyticsQuery): void {
  try {
    const { whole } = findColumn(parseFeatureContract(featureContractJson), column);
    if (statistic.kind !== 'heavy-hitters' || whole) return;
  } catch (error) {
    if (error instanceof ExamplesError) throw invalid(`The question cannot be asked: ${error.message}`, '');
    throw error;
  }
  throw invalid(
    `Heavy hitters are counted of whole numbers, and the column ${column} has others.`,
    'Ask for a histogram or for quantiles.',
  );
}

function invalid(message: string, remedy: string): CoordinatorError {
  return new CoordinatorError(refusal('invalid-argument', 'ANALYTICS_INVALID', message, remedy));
}
