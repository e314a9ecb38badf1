/** Turns a privacy target into settings: how much noise, so that all rounds together stay within (ε, δ). */
import { type Accountant, epsilonSpent } from './accountants/index.js';
import { PrivacyError } from './errors.js';
import {
  checkDelta,
  checkEpsilon,
  checkRounds,
  checkSampling,
  type PrivacyMechanism,
  type SamplingScheme,
} from './mechanism.js';

/** What the noise must achieve. */
export interface PrivacyTarget {
  readonly epsilon: number;
  readonly delta: number;
  /** Rounds that the budget must last for. */
  readonly rounds: number;
  /** Probability with which a participant takes part in a round; 1 for everyone. */
  readonly sampling: number;
  /** `poisson` where absent. */
  readonly scheme?: SamplingScheme;
  readonly accountant: Accountant;
}

/** A setting that is allowed, and probably not what anyone wants. */
export interface PrivacyWarning {
  readonly code: 'no-meaningful-privacy' | 'large-delta' | 'little-noise';
  readonly message: string;
}

export interface Calibration {
  /** The least that reaches the target, to 1 part in 10^4, rounded up. */
  readonly noiseMultiplier: number;
  /** What all rounds with that noise cost: at most the target. */
  readonly epsilon: number;
  readonly warnings: readonly PrivacyWarning[];
}

/** Where the search ends: more noise than this buries any sum, less protects nobody. */
const noiseMost = 2 ** 16;
const noiseLeast = 2 ** -8;

const relativeTolerance = 1e-4;

/**
 * The least Gaussian noise multiplier for `target`. Throws `unreachable-epsilon` when 2^16 is not enough (by RDP, an ε
 * below about log(1/δ)/1023 takes absurd noise), and other `PrivacyError`s for settings without sense.
 *
 * @example
 * calibrateNoise({ epsilon: 8, delta: 1e-5, rounds: 100, sampling: 0.1, accountant: 'rdp' }).noiseMultiplier; // 0.994
 */
export function calibrateNoise(target: PrivacyTarget): Calibration {
  return calibrate(target, (noiseMultiplier) => ({
    kind: 'gaussian',
    noiseMultiplier,
    sampling: target.sampling,
    ...(target.scheme && { scheme: target.scheme }),
  }));
}

/**
 * The same for any mechanism: `mechanismOf` says what a noise multiplier (standard deviation of the noise in the sum
 * divided by the L2 sensitivity) means; more of it must not cost more privacy.
 */
export function calibrate(
  target: PrivacyTarget,
  mechanismOf: (noiseMultiplier: number) => PrivacyMechanism,
): Calibration {
  checkEpsilon(target.epsilon);
  checkDelta(target.delta);
  checkRounds(target.rounds);
  checkSampling(target.sampling);
  const cost = (noiseMultiplier: number): number =>
    epsilonSpent(
      target.accountant,
      [{ mechanism: mechanismOf(noiseMultiplier), rounds: target.rounds }],
      target.delta,
    );

  let enough = 1;
  while (cost(enough) > target.epsilon) {
    enough *= 2;
    if (enough <= noiseMost) continue;
    throw new PrivacyError(
      'unreachable-epsilon',
      `No noise multiplier up to ${noiseMost} proves ε = ${target.epsilon} at δ = ${target.delta} over ${target.rounds} rounds with the ${target.accountant} accountant.`,
      target.accountant === 'rdp'
        ? 'Use the PLD accountant, or allow a larger ε or δ.'
        : 'Allow a larger ε or δ.',
    );
  }
  let tooLittle = enough / 2;
  while (tooLittle >= noiseLeast && cost(tooLittle) <= target.epsilon) {
    enough = tooLittle;
    tooLittle /= 2;
  }
  // Below `noiseLeast` nothing is searched for: `enough` is as good as no noise.
  while (tooLittle >= noiseLeast && enough / tooLittle > 1 + relativeTolerance) {
    const middle = Math.sqrt(enough * tooLittle);
    if (cost(middle) <= target.epsilon) enough = middle;
    else tooLittle = middle;
  }
  return {
    noiseMultiplier: enough,
    epsilon: cost(enough),
    warnings: privacyWarnings(target.epsilon, target.delta, enough),
  };
}

/** What a statistician would object to in a budget (Ponomareva et al. 2023, "How to DP-fy ML"). */
export function privacyWarnings(
  epsilon: number,
  delta: number,
  noiseMultiplier: number,
): readonly PrivacyWarning[] {
  const warnings: PrivacyWarning[] = [];
  if (epsilon > 10) {
    warnings.push({
      code: 'no-meaningful-privacy',
      message: `ε = ${Number(epsilon.toPrecision(4))} gives no meaningful guarantee: what is learned may be e^ε times as likely because one participant took part. Aim for 10 or less, better 1.`,
    });
  }
  if (delta > 1e-3) {
    warnings.push({
      code: 'large-delta',
      message: `δ = ${delta} lets the guarantee fail outright for as much as one participant in ${Math.max(1, Math.round(1 / delta))}. Keep it well below 1 / (number of participants).`,
    });
  }
  if (noiseMultiplier < 0.3) {
    warnings.push({
      code: 'little-noise',
      message: `A noise multiplier of ${Number(noiseMultiplier.toPrecision(3))} hardly hides one participant in any round.`,
    });
  }
  return warnings;
}
