/** What a run's rounds go by, and what each of them promises. */
import type {
  Accountant,
  AdaptiveClipping,
  NoiseTerms,
  PrivacyBudget,
  PrivacyMechanism,
} from '@starling/federation';

/** Fixed when a run starts; calibrated already. */
export interface PrivacySettings {
  /** Who adds the noise: the coordinator to the sum, or every device to its own update. */
  readonly kind: 'central' | 'distributed';
  readonly budget: PrivacyBudget;
  readonly accountant: Accountant;
  /** What one round costs, update and count of clipped updates together. */
  readonly mechanism: PrivacyMechanism;
  readonly clipping:
    | { readonly kind: 'fixed'; readonly bound: number }
    /** The state before the first round. */
    | { readonly kind: 'adaptive'; readonly start: AdaptiveClipping };
  /** Standard deviation of the noise on the sum of updates, divided by the clipping bound. */
  readonly updateNoiseMultiplier: number;
  /** What every device adds, where the noise is distributed. */
  readonly deviceNoise?: NoiseTerms;
}

/** What one attempt at a round promised, and paid for, before it started. */
export interface RoundPrivacy {
  readonly kind: PrivacySettings['kind'];
  readonly budget: PrivacyBudget;
  /** ε of everything that the task has spent, this attempt included. */
  readonly epsilon: number;
  /** The largest L2 norm of an update. */
  readonly clipBound: number;
  /** Standard deviation of the noise on the sum of updates, at the least. */
  readonly noiseStddev: number;
  /** Standard deviation of the noise on the number of updates within the bound; `null` where the bound is fixed. */
  readonly countStddev: number | null;
  /** What every device adds, where the noise is distributed. */
  readonly deviceNoise?: NoiseTerms;
}

/** How many updates were within the bound, as far as noise lets anyone know, and the bound that follows from it. */
export interface ClippingMeasured {
  /** May be below 0 or above 1. */
  readonly withinShare: number;
  readonly next: AdaptiveClipping;
}

/** The ledger's answer to a round that wants to start. */
export type RoundPayment =
  | { readonly kind: 'paid'; readonly epsilon: number }
  /** The budget is not enough for one round more; the sentence says so. */
  | { readonly kind: 'exhausted'; readonly reason: string };

/** The name under which devices send whether their update was within the bound. */
export const withinBoundMetric = 'withinBound';

/** What the coming round promises. */
export function roundPrivacyOf(
  settings: PrivacySettings,
  clipping: AdaptiveClipping | null,
  epsilon: number,
): RoundPrivacy {
  const { kind, budget, deviceNoise } = settings;
  const adaptive = settings.clipping.kind === 'adaptive' ? (clipping ?? settings.clipping.start) : null;
  const clipBound = settings.clipping.kind === 'fixed' ? settings.clipping.bound : (adaptive?.bound ?? 0);
  return {
    kind,
    budget,
    epsilon,
    clipBound,
    noiseStddev: settings.updateNoiseMultiplier * clipBound,
    countStddev: adaptive === null ? null : adaptive.settings.countStddev,
    ...(deviceNoise && { deviceNoise }),
  };
}
