/** What a task promises its devices beyond the sum: the part `privacy` of a definition, and what it comes to. */
import {
  type Accountant,
  calibrateNoise,
  checkMechanism,
  type DistributedNoiseKind,
  epsilonSpent,
  type NoiseWanted,
  PrivacyError,
  type PrivacyMechanism,
  type PrivacyWarning,
  planRoundNoise,
  privacyWarnings,
  type SecureRoundSettings,
  startAdaptiveClipping,
  updateNoiseMultiplier,
  VectorError,
} from '@starling/federation';
import { assert } from '../errors.js';
import { type PrivacySettings, underPrivacy } from '../privacy/index.js';
import { cohortSizeOf } from '../rounds/settings.js';
import type { CohortDefinition, TaskDefinition } from './definition.js';
import type { Problem } from './places.js';
import { secureRoundSettings } from './secure-settings.js';

/** No noise: whoever sees the model may find out that a device took part. */
export interface NoPrivacy {
  readonly kind: 'none';
}

/** (ε, δ)-differential privacy for devices: what is learned hardly depends on whether one of them took part. */
interface PrivacyBudgetDefinition {
  /** What all rounds of all runs of the task may spend together. */
  readonly epsilon: number;
  readonly delta: number;
  readonly clip: ClipDefinition;
  readonly noise: NoiseDefinition;
  readonly accountant: Accountant;
  /**
   * Number of waiting devices that a full cohort is drawn from by chance, for amplification by sampling: with fewer
   * there, a cohort is smaller in proportion. `null` claims none.
   */
  readonly population: number | null;
}

/** The coordinator adds Gaussian noise to the sum. */
export interface CentralPrivacy extends PrivacyBudgetDefinition {
  readonly kind: 'central';
}

/** Every device adds noise to its own update before it is masked: nobody ever sees a less private sum. */
export interface DistributedPrivacy extends PrivacyBudgetDefinition {
  readonly kind: 'distributed';
  readonly mechanism: DistributedNoiseKind;
}

export type DeviceLevelPrivacy = CentralPrivacy | DistributedPrivacy;

export type PrivacyDefinition = NoPrivacy | DeviceLevelPrivacy;

export type ClipDefinition =
  /** The largest L2 norm of an update. */
  | { readonly kind: 'fixed'; readonly bound: number }
  /** A bound that follows a quantile of the norms (Andrew et al. 2021). */
  | {
      readonly kind: 'adaptive';
      readonly initialBound: number;
      readonly quantile: number;
      readonly learningRate: number;
      /** Standard deviation of the noise on the number of updates within the bound; `null` chooses it. */
      readonly countStddev: number | null;
    };

export type NoiseDefinition =
  /** The least with which so many rounds stay within the budget; `null` means the task's own number of rounds. */
  | { readonly kind: 'calibrated'; readonly rounds: number | null }
  /** Standard deviation of the noise on the sum, divided by the most that one update adds to it. */
  | { readonly kind: 'explicit'; readonly multiplier: number };

/** Twice the share that the count may take of a round's precision: (z / 2σ_b)² = 0.1 costs the update 5 % more noise. */
const countPrecision = 0.1;

/**
 * What rounds need of a task's privacy; `parameterCount` is the model's. Throws `PrivacyError` for settings without
 * sense, and `VectorError` where noise of the devices does not fit the ring.
 */
export function privacySettingsOf(
  definition: TaskDefinition,
  parameterCount: number,
): PrivacySettings | null {
  const { privacy, cohort } = definition;
  switch (privacy.kind) {
    case 'none':
      return null;
    case 'central':
      return centralSettings(privacy, cohort, noiseWanted(definition, privacy));
    case 'distributed':
      return distributedSettings(
        privacy,
        secureRoundSettings(definition, cohort, parameterCount, []),
        noiseWanted(definition, privacy),
      );
  }
}

/** The largest share of the waiting devices that may be drawn into a cohort; `undefined` where nothing is claimed. */
export function largestShareOf({
  privacy,
  cohort,
}: Pick<TaskDefinition, 'privacy' | 'cohort'>): number | undefined {
  if (privacy.kind === 'none' || privacy.population === null) return undefined;
  return Math.min(1, cohortSizeOf({ updatesWanted: cohort.size, ...cohort }) / privacy.population);
}

function noiseWanted({ cohort, stop }: TaskDefinition, privacy: DeviceLevelPrivacy): NoiseWanted {
  const { epsilon, delta, noise, accountant } = privacy;
  const sampling = largestShareOf({ privacy, cohort }) ?? 1;
  if (noise.kind === 'explicit') return { ...noise, sampling };
  const rounds = noise.rounds ?? stop.rounds;
  const scheme = 'fixed-size';
  return { kind: 'calibrated', target: { epsilon, delta, rounds, sampling, scheme, accountant } };
}

function centralSettings(
  { kind, epsilon, delta, accountant, clip }: CentralPrivacy,
  cohort: CohortDefinition,
  wanted: NoiseWanted,
): PrivacySettings {
  const { noiseMultiplier, sampling } =
    wanted.kind === 'explicit'
      ? { noiseMultiplier: wanted.multiplier, sampling: wanted.sampling }
      : { ...calibrateNoise(wanted.target), sampling: wanted.target.sampling };
  const scheme = sampling < 1 ? { scheme: 'fixed-size' as const } : {};
  const mechanism = { kind: 'gaussian', noiseMultiplier, sampling, ...scheme } as const;
  checkMechanism(mechanism);
  const shared = { kind, budget: { epsilon, delta }, accountant, mechanism };
  if (clip.kind === 'fixed') {
    return {
      ...shared,
      clipping: { kind: 'fixed', bound: clip.bound },
      updateNoiseMultiplier: noiseMultiplier,
    };
  }
  const leastStddev = noiseMultiplier / (2 * Math.sqrt(countPrecision));
  const adaptive = startAdaptiveClipping({
    initialBound: clip.initialBound,
    targetQuantile: clip.quantile,
    learningRate: clip.learningRate,
    countStddev: clip.countStddev ?? Math.max(cohort.size / 20, leastStddev),
  });
  return {
    ...shared,
    clipping: { kind: 'adaptive', start: adaptive },
    updateNoiseMultiplier: updateNoiseMultiplier(noiseMultiplier, adaptive.settings.countStddev),
  };
}

/** Why a task whose clipping bound adapts, or whose updates come in the clear, has no distributed noise. */
function distributedProblems({ privacy, secureAggregation }: TaskDefinition): Problem[] {
  if (privacy.kind !== 'distributed') return [];
  const problems: Problem[] = [];
  if (secureAggregation === null) {
    problems.push({
      path: ['privacy', 'kind'],
      message:
        'is distributed, but without masks the coordinator sees each update under the little noise of one device; set "secureAggregation", or use central',
    });
  }
  if (privacy.clip.kind === 'adaptive') {
    problems.push({
      path: ['privacy', 'clip'],
      message:
        'is adaptive, but a bound that moves would change what each device adds after its owner signed it; give a fixed bound, or use central noise',
    });
  }
  return problems;
}

function distributedSettings(
  { kind, epsilon, delta, accountant, clip, mechanism }: DistributedPrivacy,
  secure: SecureRoundSettings | null,
  wanted: NoiseWanted,
): PrivacySettings {
  assert(secure !== null && clip.kind === 'fixed', 'checked when the task was read');
  const budget = { epsilon, delta };
  const private_ = { kind, budget, clipBound: clip.bound, countStddev: null };
  const noise = planRoundNoise(mechanism, wanted, underPrivacy(secure, private_));
  // Whether the ring has room for it.
  underPrivacy(secure, { ...private_, deviceNoise: noise.terms });
  return {
    kind,
    budget,
    accountant,
    mechanism: noise.mechanism,
    clipping: { kind: 'fixed', bound: clip.bound },
    updateNoiseMultiplier: noise.sumStddev / clip.bound,
    deviceNoise: noise.terms,
  };
}

/** What privacy forbids elsewhere in the task, and what is wrong with it itself. */
export function checkPrivacy(definition: TaskDefinition, parameterCount: number): Problem[] {
  const { privacy, strategy, evaluation, stop } = definition;
  if (privacy.kind === 'none') return [];
  const contradictions = distributedProblems(definition);
  const problems: Problem[] = [...contradictions];
  if (strategy.weighting !== 'uniform') {
    problems.push({
      path: ['strategy', 'weighting'],
      message: `is ${strategy.weighting}, but then a device with many examples adds more than the clipping bound; under "privacy" it must be uniform`,
    });
  }
  if (evaluation.federated !== null) {
    problems.push({
      path: ['evaluation', 'federated'],
      message:
        'reports sums over held-out examples that no noise protects; under "privacy", use "evaluation.central"',
    });
  }
  for (const part of ['target', 'patience'] as const) {
    if (stop[part]?.source !== 'training') continue;
    problems.push({
      path: ['stop', part, 'source'],
      message: 'is training, but under "privacy" no device tells what it saw in training; use central',
    });
  }
  if (contradictions.length > 0) return problems;
  try {
    privacySettingsOf(definition, parameterCount);
  } catch (error) {
    if (error instanceof VectorError) {
      problems.push({ path: ['secureAggregation', 'encoding'], message: error.message });
      return problems;
    }
    if (!(error instanceof PrivacyError)) throw error;
    problems.push({ path: ['privacy', ...placeOf(error)], message: `${error.message} ${error.remedy}` });
  }
  return problems;
}

function placeOf({ code }: PrivacyError): string[] {
  if (code === 'invalid-epsilon' || code === 'unreachable-epsilon') return ['epsilon'];
  if (code === 'invalid-delta') return ['delta'];
  if (code === 'invalid-clipping') return ['clip'];
  if (code === 'invalid-cohort') return ['kind'];
  return code === 'invalid-noise' ? ['noise'] : [];
}

/** What is allowed, and probably not what anyone wants. */
export function privacyAdvice(definition: TaskDefinition, parameterCount: number): readonly PrivacyWarning[] {
  const { privacy, stop } = definition;
  const settings = privacySettingsOf(definition, parameterCount);
  if (privacy.kind === 'none' || settings === null) return [];
  const noiseMultiplier = multiplierOf(settings.mechanism);
  const warnings = [...privacyWarnings(privacy.epsilon, privacy.delta, noiseMultiplier)];
  const all = { mechanism: settings.mechanism, rounds: stop.rounds };
  if (epsilonSpent(privacy.accountant, [all], privacy.delta) > privacy.epsilon) {
    const message = `The budget of ε = ${privacy.epsilon} will not last for all ${stop.rounds} rounds with a noise multiplier of ${Number(noiseMultiplier.toPrecision(4))}; the run ends before. "starling privacy calibrate" finds what would do.`;
    warnings.push({ code: 'little-noise', message });
  }
  return warnings;
}

/** The noise in the sum over the most that one update adds to it. */
function multiplierOf(mechanism: PrivacyMechanism): number {
  switch (mechanism.kind) {
    case 'gaussian':
      return mechanism.noiseMultiplier;
    case 'skellam':
      return Math.sqrt(mechanism.centralVariance) / mechanism.l2Sensitivity;
    case 'discrete-gaussian':
      return (mechanism.deviceStddev * Math.sqrt(mechanism.devices)) / mechanism.l2Sensitivity;
  }
}
