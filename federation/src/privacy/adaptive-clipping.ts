/**
 * A clipping bound that follows the updates: Andrew, Thakkar, McMahan, Ramaswamy 2021, "Differentially Private
 * Learning with Adaptive Clipping". Each device adds one bit (was my norm within the bound?) to what is summed; the
 * noisy share of such bits moves the bound geometrically towards a quantile of the norms. Pure: state in, state out.
 */
import { PrivacyError } from './errors.js';

export interface AdaptiveClippingSettings {
  /** The bound of the first round; a guess is enough. */
  readonly initialBound: number;
  /** γ: the share of updates that should not be clipped; 0.5 follows the median. */
  readonly targetQuantile: number;
  /** η: how fast the logarithm of the bound moves; 0.2 is usual. */
  readonly learningRate: number;
  /** σ_b: standard deviation of the noise on the count of bits; a twentieth of the cohort is usual. */
  readonly countStddev: number;
}

/** Plain data; goes into checkpoints as it is. */
export interface AdaptiveClipping {
  readonly settings: AdaptiveClippingSettings;
  /** C of the coming round, in units of the update's L2 norm. */
  readonly bound: number;
}

/** How far one round may move the bound either way: one round's noise must not ruin it. */
const factorMax = 10;

/** The state before the first round. Throws `invalid-clipping` for settings out of range. */
export function startAdaptiveClipping(settings: AdaptiveClippingSettings): AdaptiveClipping {
  const { initialBound, targetQuantile, learningRate, countStddev } = settings;
  if (!(initialBound > 0 && Number.isFinite(initialBound))) {
    throw invalid(`\`initialBound\` must be a positive number, got ${initialBound}.`);
  }
  if (!(targetQuantile >= 0 && targetQuantile <= 1)) {
    throw invalid(`\`targetQuantile\` must lie in [0, 1], got ${targetQuantile}.`);
  }
  if (!(learningRate > 0 && Number.isFinite(learningRate))) {
    throw invalid(`\`learningRate\` must be a positive number, got ${learningRate}.`);
  }
  if (!(countStddev >= 0 && Number.isFinite(countStddev))) {
    throw invalid(`\`countStddev\` must be a non-negative number, got ${countStddev}.`);
  }
  return { settings, bound: initialBound };
}

/** A device's bit: 1 when its update's norm is within the bound, and so is not clipped. */
export function withinBoundBit(updateNorm: number, bound: number): 0 | 1 {
  return updateNorm <= bound ? 1 : 0;
}

/**
 * The state after a round: C ← C·exp(-η·(b̃ - γ)), with b̃ = `noisyCount`/`participants` (algorithm 1). `noisyCount`
 * is the sum of bits with its noise already on it, so it may be negative or above `participants`.
 */
export function adaptClipping(
  clipping: AdaptiveClipping,
  noisyCount: number,
  participants: number,
): AdaptiveClipping {
  if (!Number.isFinite(noisyCount)) throw invalid(`A count must be a number, got ${noisyCount}.`);
  if (!(participants > 0)) throw invalid(`A round has at least one participant, got ${participants}.`);
  const { targetQuantile, learningRate } = clipping.settings;
  const factor = Math.exp(-learningRate * (noisyCount / participants - targetQuantile));
  const bounded = Math.min(factorMax, Math.max(1 / factorMax, factor));
  return { ...clipping, bound: clipping.bound * bounded };
}

/**
 * The noise multiplier that the update itself needs, so that update and bit together are one Gaussian mechanism of
 * `noiseMultiplier` z: z_Δ = (z^-2 - (2σ_b)^-2)^(-1/2) (theorem 1; a bit counts as ±1/2). Throws `invalid-clipping` when
 * the count's noise alone is too little for z.
 */
export function updateNoiseMultiplier(noiseMultiplier: number, countStddev: number): number {
  if (!(noiseMultiplier > 0 && Number.isFinite(noiseMultiplier))) {
    throw new PrivacyError(
      'invalid-noise',
      `The noise multiplier must be a positive number, got ${noiseMultiplier}.`,
      'Calibrate it first.',
    );
  }
  const precision = noiseMultiplier ** -2 - (2 * countStddev) ** -2;
  if (precision > 0) return precision ** -0.5;
  throw invalid(
    `With σ_b = ${countStddev} the count alone costs more privacy than a noise multiplier of ${noiseMultiplier} allows; σ_b must be above ${noiseMultiplier / 2}.`,
  );
}

function invalid(message: string): PrivacyError {
  return new PrivacyError(
    'invalid-clipping',
    message,
    'See the settings of adaptive clipping; targetQuantile 0.5 and learningRate 0.2 are usual.',
  );
}
