/** What a task promises its devices beyond the sum: the part `privacy` of a definition, and what it comes to. */
import {
  type Accountant,
  calibrateNoise,
  checkMechanism,
  epsilonSpent,
  PrivacyError,
  type PrivacyWarning,
  privacyWarnings,
  startAdaptiveClipping,
  updateNoiseMultiplier,
} from '@starling/federation';
import type { PrivacySettings } from '../privacy/index.js';
import type { TaskDefinition } from './definition.js';
import type { Problem } from './places.js';

/** No noise: whoever sees the model may find out that a device took part. */
export interface NoPrivacy {
  readonly kind: 'none';
}

/** (ε, δ)-differential privacy for devices: what is learned hardly depends on whether one of them took part. */
export interface DeviceLevelPrivacy {
  /** Who adds the noise: the coordinator to the sum, or every device to its own update, before it is masked. */
  readonly kind: 'central' | 'distributed';
  /** What all rounds of all runs of the task may spend together. */
  readonly epsilon: number;
  readonly delta: number;
  readonly clip: ClipDefinition;
  readonly noise: NoiseDefinition;
  readonly accountant: Accountant;
  /**
   * Number of devices that each cohort is drawn from at random, for amplification by sampling; `null` claims none.
   */
  readonly population: number | null;
}

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
  /** Standard deviation of the noise on the sum, divided by the clipping bound. */
  | { readonly kind: 'explicit'; readonly multiplier: number };

/** Twice the share that the count may take of a round's precision: (z / 2σ_b)² = 0.1 costs the update 5 % more noise. */
const countPrecision = 0.1;

/** What rounds need of a task's privacy. Throws `PrivacyError` for settings without sense. */
export function privacySettingsOf(definition: TaskDefinition): PrivacySettings | null {
  const { privacy, cohort, stop } = definition;
  if (privacy.kind === 'none') return null;
  const { kind, epsilon, delta, noise, accountant, population, clip } = privacy;
  const sampling = population === null ? 1 : Math.min(1, (cohort.size * cohort.overSelection) / population);
  const noiseMultiplier =
    noise.kind === 'explicit'
      ? noise.multiplier
      : calibrateNoise({ epsilon, delta, rounds: noise.rounds ?? stop.rounds, sampling, accountant })
          .noiseMultiplier;
  const mechanism = { kind: 'gaussian', noiseMultiplier, sampling } as const;
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

/** What privacy forbids elsewhere in the task, and what is wrong with it itself. */
export function checkPrivacy(definition: TaskDefinition): Problem[] {
  const { privacy, strategy, evaluation, stop } = definition;
  if (privacy.kind === 'none') return [];
  const problems: Problem[] = [];
  if (privacy.kind === 'distributed') {
    problems.push({
      path: ['privacy', 'kind'],
      message:
        'is distributed, but rounds do not ask devices for their part of the noise yet: nothing would hide anyone; use central',
    });
  }
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
  try {
    privacySettingsOf(definition);
  } catch (error) {
    if (!(error instanceof PrivacyError)) throw error;
    problems.push({ path: ['privacy', ...placeOf(error)], message: error.message });
  }
  return problems;
}

function placeOf({ code }: PrivacyError): string[] {
  if (code === 'invalid-epsilon' || code === 'unreachable-epsilon') return ['epsilon'];
  if (code === 'invalid-delta') return ['delta'];
  if (code === 'invalid-clipping') return ['clip'];
  return code === 'invalid-noise' ? ['noise'] : [];
}

/** What is allowed, and probably not what anyone wants. */
export function privacyAdvice(definition: TaskDefinition): readonly PrivacyWarning[] {
  const { privacy, stop } = definition;
  const settings = privacySettingsOf(definition);
  if (privacy.kind === 'none' || settings === null) return [];
  const { noiseMultiplier } = settings.mechanism;
  const warnings = [...privacyWarnings(privacy.epsilon, privacy.delta, noiseMultiplier)];
  const all = { mechanism: settings.mechanism, rounds: stop.rounds };
  if (epsilonSpent(privacy.accountant, [all], privacy.delta) > privacy.epsilon) {
    const message = `The budget of ε = ${privacy.epsilon} will not last for all ${stop.rounds} rounds with a noise multiplier of ${Number(noiseMultiplier.toPrecision(4))}; the run ends before. "starling privacy calibrate" finds what would do.`;
    warnings.push({ code: 'little-noise', message });
  }
  return warnings;
}
