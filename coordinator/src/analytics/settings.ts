import { ExamplesError, findColumn, parseFeatureContract } from '@starling/engine';
import {
  type AnalyticsQuery,
  calibrateNoise,
  computeRing,
  type DistributedNoiseKind,
  PrivacyError,
  type PrivacyTarget,
  planRoundNoise,
  type SecureRoundSettings,
  VectorError,
  vectorNormMax,
} from '@starling/federation';
import { canonicalTermsJson } from '@starling/proto';
import { assert, CoordinatorError, refusal } from '../errors.js';
import { type PrivacySettings, privacyTerms } from '../privacy/index.js';
import type { PreparedTask } from '../runner/index.js';
import type { QuerySignature, RunSettings } from '../runs/index.js';
import { underMasks } from './task.js';

/** What of a task decides what an answer promises. */
export interface AskedTask {
  readonly name: string;
  readonly privacy: PrivacySettings | null;
  /** How its whole cohort is summed under masks; `null` where updates travel in the clear. */
  readonly secure: SecureRoundSettings | null;
}

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
  const { train } = task.runSettings;
  return {
    ...task.runSettings,
    rounds: 1,
    train: {
      ...train,
      shareMax: undefined,
      secure: train.secure && { ...train.secure, groups: undefined },
    },
    federatedEvaluation: null,
    centralEvaluation: null,
    stop: {},
    analytics: query,
    querySignature,
    privacy: queryPrivacy(askedTask(task), query, epsilon),
  };
}

export function askedTask({ name, runSettings, secure }: PreparedTask): AskedTask {
  return { name, privacy: runSettings.privacy, secure: secure?.analyze ?? null };
}

/** What a question's owner signs beside it: canonical JSON. Throws `ANALYTICS_INVALID`. */
export function queryTerms(...asked: Parameters<typeof queryPrivacy>): string {
  return canonicalTermsJson({ privacy: privacyTerms(queryPrivacy(...asked)) });
}

/** What an answer promises where the task has the given privacy. Throws `ANALYTICS_INVALID`. */
function queryPrivacy(
  { name, privacy, secure }: AskedTask,
  query: AnalyticsQuery,
  epsilon: number | undefined,
): PrivacySettings | null {
  if (privacy === null) {
    if (epsilon === undefined) return null;
    throw invalid(
      `Task ${name} has no privacy budget to spend ε = ${epsilon} from.`,
      'Give the task one ("privacy: { kind: central, … }"), or ask without --epsilon.',
    );
  }
  if (epsilon === undefined) {
    throw invalid(
      `Task ${name} has a privacy budget of ε = ${privacy.budget.epsilon}, from which the answer must be paid.`,
      'Say with --epsilon how much it may cost; less gives a noisier answer.',
    );
  }
  const { budget, accountant } = privacy;
  // Of who is asked nothing is claimed: no amplification by sampling.
  const target = { epsilon, delta: budget.delta, rounds: 1, sampling: 1, accountant };
  try {
    return {
      kind: privacy.kind,
      budget,
      accountant,
      clipping: { kind: 'fixed', bound: vectorNormMax(query) },
      ...(privacy.deviceNoise === undefined
        ? centralNoise(target)
        : deviceNoise(target, privacy.deviceNoise.mechanism, secure, query)),
    };
  } catch (error) {
    if (error instanceof PrivacyError || error instanceof VectorError) {
      throw invalid(error.message, 'Choose another --epsilon.');
    }
    throw error;
  }
}

type AnswerNoise = Pick<PrivacySettings, 'mechanism' | 'updateNoiseMultiplier' | 'deviceNoise'>;

function centralNoise(target: PrivacyTarget): AnswerNoise {
  const { noiseMultiplier } = calibrateNoise(target);
  const mechanism = { kind: 'gaussian', noiseMultiplier, sampling: 1 } as const;
  return { mechanism, updateNoiseMultiplier: noiseMultiplier };
}

/** As in training every device adds its part, sized for the lattice that answers are rounded to. */
function deviceNoise(
  target: PrivacyTarget,
  kind: DistributedNoiseKind,
  secure: SecureRoundSettings | null,
  query: AnalyticsQuery,
): AnswerNoise {
  assert(secure !== null, 'distributed noise is under masks');
  const settings = underMasks(secure, query, 'distributed');
  const { terms, mechanism, sumStddev } = planRoundNoise(kind, { kind: 'calibrated', target }, settings);
  // Whether the ring has room for it.
  computeRing({ ...settings.layout, noiseStddevSteps: terms.noiseStddevSteps });
  return {
    mechanism,
    updateNoiseMultiplier: sumStddev / vectorNormMax(query),
    deviceNoise: terms,
  };
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
