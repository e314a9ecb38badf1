/**
 * Noise that devices add to their own integers before they are masked, so that the coordinator never sees a less private
 * sum (Kairouz, Liu, Steinke 2021; Agarwal, Kairouz, Liu 2021). Each device adds its part, sized so that enough is left
 * when as many drop out as the round tolerates and the assumed share of the others tells the coordinator theirs.
 */
import type { Entropy } from '../ports/entropy.js';
import type { DiscreteGaussianMechanism, SkellamMechanism } from './mechanism.js';
import { deviceNoise, type NoiseCohort } from './mechanisms/device-noise.js';
import { sampleDiscreteGaussian } from './mechanisms/discrete-gaussian.js';
import { roundedNorms } from './mechanisms/rounded-norms.js';
import { sampleSkellam } from './mechanisms/skellam.js';

export type DistributedNoiseKind = 'skellam' | 'discrete-gaussian';

/** What devices round to integers. */
export interface Lattice {
  /** The largest L2 norm of an update before rounding, in steps. */
  readonly clipSteps: number;
  /** Elements that noise is added to. */
  readonly dimension: number;
}

/** What each device adds, and what the sum of it is worth. */
export interface DistributedNoise {
  readonly kind: DistributedNoiseKind;
  /** Standard deviation of one device's noise, in steps. */
  readonly deviceStddev: number;
  /** What a round costs when the worst that is tolerated happens. */
  readonly mechanism: SkellamMechanism | DiscreteGaussianMechanism;
}

/**
 * The noise with which the sum has `noiseMultiplier` times the L2 sensitivity at the least. Rounding is counted in: once
 * rounded, an update is longer by √dimension steps at most. Throws `PrivacyError` `invalid-cohort` where nobody is left
 * to add noise, `invalid-noise` where a discrete Gaussian is too narrow.
 */
export function planDistributedNoise(
  kind: DistributedNoiseKind,
  noiseMultiplier: number,
  lattice: Lattice,
  cohort: NoiseCohort,
  sampling: number,
): DistributedNoise {
  const { l2, l1 } = roundedNorms(lattice.clipSteps, lattice.dimension, 0);
  const { deviceStddev, contributors } = deviceNoise(noiseMultiplier * l2, cohort);
  const norms = { l2Sensitivity: l2, l1Sensitivity: l1, sampling };
  const mechanism =
    kind === 'skellam'
      ? ({ kind, centralVariance: contributors * deviceStddev ** 2, ...norms } as const)
      : ({ kind, deviceStddev, devices: contributors, dimension: lattice.dimension, ...norms } as const);
  return { kind, deviceStddev, mechanism };
}

/** Adds one device's noise to its rounded update, in place; `entropy` is the operating system's, or it is no noise. */
export function addDistributedNoise(
  entropy: Entropy,
  { kind, deviceStddev }: Pick<DistributedNoise, 'kind' | 'deviceStddev'>,
  steps: Int32Array,
): void {
  const noise =
    kind === 'skellam'
      ? sampleSkellam(entropy, deviceStddev ** 2, steps.length)
      : sampleDiscreteGaussian(entropy, deviceStddev, steps.length);
  for (let i = 0; i < steps.length; i += 1) steps[i] += noise[i];
}
