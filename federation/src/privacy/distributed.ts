/**
 * Noise that devices add to their own integers before they are masked, so that the coordinator never sees a less private
 * sum (Kairouz, Liu, Steinke 2021; Agarwal, Kairouz, Liu 2021). Each device adds its part, sized so that enough is left
 * when as many drop out as the round tolerates and the assumed share of the others tells the coordinator theirs.
 */
import type { Entropy } from '../ports/entropy.js';
import type { DiscreteGaussianMechanism, SkellamMechanism } from './mechanism.js';
import { deviceNoise, type NoiseCohort } from './mechanisms/device-noise.js';
import { sampleDiscreteGaussian } from './mechanisms/discrete-gaussian.js';
import { type LatticeNorms, roundedNorms } from './mechanisms/rounded-norms.js';
import { sampleSkellam } from './mechanisms/skellam.js';

export type DistributedNoiseKind = 'skellam' | 'discrete-gaussian';

export const distributedNoiseKinds: readonly DistributedNoiseKind[] = ['skellam', 'discrete-gaussian'];

/** What a round asks its devices to add, and what it claims of how they were chosen. */
export interface NoiseTerms {
  readonly mechanism: DistributedNoiseKind;
  /** Standard deviation of what one device adds to each element of its rounded update, in steps of the lattice. */
  readonly noiseStddevSteps: number;
  /** The largest share of the waiting devices that a cohort is drawn from; 1 claims nothing. */
  readonly sampling: number;
}

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

/** A device rounds anew until its update is no longer than the bound: each try fails with at most this probability. */
const roundingBias = Math.exp(-1 / 2);

/** The norms of one rounded update, which devices hold to: what noise is sized for. */
export function latticeNorms({ clipSteps, dimension }: Lattice): LatticeNorms {
  return roundedNorms(clipSteps, dimension, roundingBias);
}

/**
 * The noise with which the sum has `noiseMultiplier` times the L2 sensitivity at the least. Rounding is counted in, see
 * `latticeNorms`. Throws `PrivacyError` `invalid-cohort` where nobody is left to add noise, `invalid-noise` where a
 * discrete Gaussian is too narrow.
 */
export function planDistributedNoise(
  kind: DistributedNoiseKind,
  noiseMultiplier: number,
  lattice: Lattice,
  cohort: NoiseCohort,
  sampling: number,
): DistributedNoise {
  const { l2 } = latticeNorms(lattice);
  const { deviceStddev, contributors } = deviceNoise(noiseMultiplier * l2, cohort);
  const terms = { mechanism: kind, noiseStddevSteps: deviceStddev, sampling };
  return { kind, deviceStddev, mechanism: distributedMechanism(terms, lattice, contributors) };
}

/** What a round costs in which at least `contributors` devices add the noise of `terms` and tell nobody. */
export function distributedMechanism(
  { mechanism: kind, noiseStddevSteps, sampling }: NoiseTerms,
  lattice: Lattice,
  contributors: number,
): SkellamMechanism | DiscreteGaussianMechanism {
  const { l2, l1 } = latticeNorms(lattice);
  const norms = {
    l2Sensitivity: l2,
    l1Sensitivity: l1,
    sampling,
    ...(sampling < 1 && { scheme: 'fixed-size' as const }),
  };
  return kind === 'skellam'
    ? { kind, centralVariance: contributors * noiseStddevSteps ** 2, ...norms }
    : {
        kind,
        deviceStddev: noiseStddevSteps,
        devices: contributors,
        dimension: lattice.dimension,
        ...norms,
      };
}

/** The most noise that a device can draw exactly; more never fits the rings of secure aggregation either. */
export const deviceStddevMaximum = { skellam: 2 ** 16, 'discrete-gaussian': 2 ** 24 } as const;

/** Adds one device's noise to its rounded update, in place; `entropy` is the operating system's, or it is no noise. */
export function addDistributedNoise(
  entropy: Entropy,
  { mechanism, noiseStddevSteps }: Pick<NoiseTerms, 'mechanism' | 'noiseStddevSteps'>,
  steps: Int32Array,
): void {
  const noise =
    mechanism === 'skellam'
      ? sampleSkellam(entropy, noiseStddevSteps ** 2, steps.length)
      : sampleDiscreteGaussian(entropy, noiseStddevSteps, steps.length);
  for (let i = 0; i < steps.length; i += 1) steps[i] += noise[i];
}
