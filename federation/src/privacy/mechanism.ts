/**
 * What one round does to protect its participants: the noise, how large one participant's part of the sum can be,
 * and how participants were chosen. Neighbouring fleets differ by one participant, added or removed.
 */
import { PrivacyError } from './errors.js';

/**
 * How those who take part are chosen: `poisson`, each independently of the others, and nobody learns how many; or
 * `fixed-size`, a cohort drawn without replacement, whose size may be known.
 */
export type SamplingScheme = 'poisson' | 'fixed-size';

export const samplingSchemes: readonly SamplingScheme[] = ['poisson', 'fixed-size'];

/** Gaussian noise on the sum of clipped updates, added by whoever sees the sum. */
export interface GaussianMechanism {
  readonly kind: 'gaussian';
  /** Standard deviation of the noise on the sum, divided by the clipping bound. */
  readonly noiseMultiplier: number;
  /** Probability with which each participant takes part; 1 for everyone. */
  readonly sampling: number;
  /** `poisson` where absent. */
  readonly scheme?: SamplingScheme;
}

/** A sum of independent discrete Gaussians, one from each device, on integer vectors (Kairouz, Liu, Steinke 2021). */
export interface DiscreteGaussianMechanism {
  readonly kind: 'discrete-gaussian';
  /** The parameter σ of one device's noise, in steps of the integer lattice. */
  readonly deviceStddev: number;
  /** How many devices' noise is in the sum at the least; 1 is the central discrete Gaussian. */
  readonly devices: number;
  /** Largest L2 norm of one device's integer vector. */
  readonly l2Sensitivity: number;
  /** Largest L1 norm of one device's integer vector. */
  readonly l1Sensitivity: number;
  /** Number of coordinates. */
  readonly dimension: number;
  /** As for `GaussianMechanism`. */
  readonly sampling: number;
  readonly scheme?: SamplingScheme;
}

/** Skellam noise on integer vectors (Agarwal, Kairouz, Liu 2021); sums of Skellam noise are Skellam noise. */
export interface SkellamMechanism {
  readonly kind: 'skellam';
  /** Variance of the noise in the sum at the least, in squared steps of the lattice. */
  readonly centralVariance: number;
  /** Largest L2 norm of one device's integer vector. */
  readonly l2Sensitivity: number;
  /** Largest L1 norm of one device's integer vector. */
  readonly l1Sensitivity: number;
  /** As for `GaussianMechanism`. */
  readonly sampling: number;
  readonly scheme?: SamplingScheme;
}

export type PrivacyMechanism = GaussianMechanism | DiscreteGaussianMechanism | SkellamMechanism;

/** The same mechanism, applied `rounds` times, each time with fresh noise and fresh sampling. */
export interface PrivateRounds {
  readonly mechanism: PrivacyMechanism;
  readonly rounds: number;
}

/** Throws a `PrivacyError` unless every number of `mechanism` makes sense. */
export function checkMechanism(mechanism: PrivacyMechanism): void {
  checkSampling(mechanism.sampling);
  switch (mechanism.kind) {
    case 'gaussian':
      checkNoise('the noise multiplier', mechanism.noiseMultiplier);
      return;
    case 'discrete-gaussian':
      checkNoise("the standard deviation of a device's noise", mechanism.deviceStddev);
      checkCount('the number of devices that add noise', mechanism.devices);
      checkCount('the dimension', mechanism.dimension);
      checkNorms(mechanism.l2Sensitivity, mechanism.l1Sensitivity);
      // The bound on how far a sum of discrete Gaussians is from one discrete Gaussian is proved from here up.
      if (mechanism.devices > 1 && mechanism.deviceStddev < 0.5) {
        throw new PrivacyError(
          'invalid-noise',
          `Sums of discrete Gaussians are bounded from σ = 0.5 a device up, got ${mechanism.deviceStddev}.`,
          'Use a finer lattice (a larger scale), or Skellam noise.',
        );
      }
      return;
    case 'skellam':
      checkNoise('the central variance', mechanism.centralVariance);
      checkNorms(mechanism.l2Sensitivity, mechanism.l1Sensitivity);
      return;
  }
}

/** Throws `invalid-delta` unless 0 < δ < 1. */
export function checkDelta(delta: number): void {
  if (delta > 0 && delta < 1) return;
  throw new PrivacyError(
    'invalid-delta',
    `δ must lie strictly between 0 and 1, got ${delta}.`,
    'A common choice is below 1 / (number of participants), for example 1e-6.',
  );
}

/** Throws `invalid-epsilon` unless ε is positive and finite. */
export function checkEpsilon(epsilon: number): void {
  if (epsilon > 0 && Number.isFinite(epsilon)) return;
  throw new PrivacyError(
    'invalid-epsilon',
    `ε must be a positive number, got ${epsilon}.`,
    'Choose one from about 0.1 (strong) to 10 (weak).',
  );
}

/** Throws `invalid-rounds` unless `rounds` is a positive integer. */
export function checkRounds(rounds: number): void {
  if (Number.isSafeInteger(rounds) && rounds >= 1) return;
  throw new PrivacyError(
    'invalid-rounds',
    `The number of rounds must be a positive integer, got ${rounds}.`,
    'Count every round that shows a sum.',
  );
}

/** Throws `invalid-sampling` unless `sampling` is in (0, 1]. */
export function checkSampling(sampling: number): void {
  if (sampling > 0 && sampling <= 1) return;
  throw new PrivacyError(
    'invalid-sampling',
    `A sampling probability lies in (0, 1], got ${sampling}.`,
    'Divide the expected cohort by the number of participants; 1 when everyone takes part.',
  );
}

function checkNoise(what: string, value: number): void {
  if (value > 0 && Number.isFinite(value)) return;
  throw new PrivacyError(
    'invalid-noise',
    `${capital(what)} must be a positive number, got ${value}.`,
    'Without noise there is no privacy to account for; `starling privacy calibrate` finds how much is needed.',
  );
}

function checkCount(what: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new PrivacyError(
    'invalid-sensitivity',
    `${capital(what)} must be a positive integer, got ${value}.`,
    'Give the size of the vectors and the cohort as they are in the round.',
  );
}

function checkNorms(l2: number, l1: number): void {
  if (!(l2 > 0 && Number.isFinite(l2) && l1 > 0 && Number.isFinite(l1))) {
    throw new PrivacyError(
      'invalid-sensitivity',
      `Sensitivities must be positive numbers, got L2 ${l2} and L1 ${l1}.`,
      'Give the largest norms of one integer vector, after clipping, scaling and rounding.',
    );
  }
  // ‖x‖₁ ≥ ‖x‖₂ for every x, so that a smaller bound contradicts the other.
  if (l1 < l2 * (1 - 1e-12)) {
    throw new PrivacyError(
      'invalid-sensitivity',
      `The L1 sensitivity (${l1}) is below the L2 sensitivity (${l2}), which no vector allows.`,
      'Use min(√dimension · L2, L2²) when nothing tighter is known.',
    );
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
