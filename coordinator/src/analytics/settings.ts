import { ExamplesError, findColumn, parseFeatureContract } from '@starling/engine';
import { type AnalyticsQuery, calibrateNoise, PrivacyError, vectorNormMax } from '@starling/federation';
import { canonicalTermsJson } from '@starling/proto';
import { CoordinatorError, refusal } from '../errors.js';
import { type PrivacySettings, privacyTerms } from '../privacy/index.js';
import type { PreparedTask } from '../runner/index.js';
import type { QuerySignature, RunSettings } from '../runs/index.js';

/**
 * A run of one round with the task's cohort. Where the task has a privacy budget the answer pays from it: `epsilon` is
 * what it may cost by itself. Throws `ANALYTICS_INVALID` for columns that are not there and answers nobody pays for.
 */
export function analyticsSettings(
  task: PreparedTask,
  query: AnalyticsQuery,
  epsilon: number | undefined,
  querySignature: QuerySignature,
): RunSettings {
  checkColumn(task, query);
  return {
    ...task.runSettings,
    rounds: 1,
    federatedEvaluation: null,
    centralEvaluation: null,
    stop: {},
    analytics: query,
    querySignature,
    privacy: queryPrivacy(task.name, task.runSettings.privacy, query, epsilon),
  };
}

/** What a question's owner signs beside it: canonical JSON. Throws `ANALYTICS_INVALID`. */
export function queryTerms(...asked: Parameters<typeof queryPrivacy>): string {
  return canonicalTermsJson({ privacy: privacyTerms(queryPrivacy(...asked)) });
}

/** What an answer promises where the task has the given privacy. Throws `ANALYTICS_INVALID`. */
function queryPrivacy(
  taskName: string,
  privacy: PrivacySettings | null,
  query: AnalyticsQuery,
  epsilon: number | undefined,
): PrivacySettings | null {
  if (privacy === null) {
    if (epsilon === undefined) return null;
    throw invalid(
      `Task ${taskName} has no privacy budget to spend ε = ${epsilon} from.`,
      'Give the task one ("privacy: { kind: central, … }"), or ask without --epsilon.',
    );
  }
  if (epsilon === undefined) {
    throw invalid(
      `Task ${taskName} has a privacy budget of ε = ${privacy.budget.epsilon}, from which the answer must be paid.`,
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
