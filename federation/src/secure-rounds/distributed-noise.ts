/**
 * The noise of devices in securely aggregated rounds: sized for the lattice that updates are rounded to and for the worst
 * cohort that a round may end with. Both ends compute it alike, so that a device can check what it was promised.
 */
import type { Entropy } from '../ports/index.js';
import {
  addDistributedNoise,
  calibrate,
  type DistributedNoiseKind,
  deviceStddevMaximum,
  distributedMechanism,
  epsilonSpent,
  type Lattice,
  latticeNorms,
  type NoiseCohort,
  type NoiseTerms,
  PrivacyError,
  type PrivacyMechanism,
  type PrivacyTarget,
  planDistributedNoise,
} from '../privacy/index.js';
import { corruptMaximum, survivorsMinimum } from '../secure-aggregation/index.js';
import type { LatticeNoise, ModularLayout } from '../vectors/index.js';
import type { SecureRoundSettings } from './secure-round-settings.js';

/** What noise is sized for. */
export interface NoisyRound extends Pick<SecureRoundSettings, 'requirements' | 'cohortMinimum'> {
  readonly layout: Pick<ModularLayout, 'encoding' | 'parameterCount' | 'step' | 'cohort'>;
}

/** How much noise is wanted: so much that rounds stay within a budget, or a multiple of the L2 sensitivity. */
export type NoiseWanted =
  | { readonly kind: 'calibrated'; readonly target: PrivacyTarget }
  | { readonly kind: 'explicit'; readonly multiplier: number; readonly sampling: number };

/** What devices add in every round, and what a round costs. */
export interface RoundNoise {
  readonly terms: NoiseTerms;
  readonly mechanism: PrivacyMechanism;
  /** Standard deviation of the noise in the sum at the least, over the largest norm of a rounded update. */
  readonly noiseMultiplier: number;
  /** Standard deviation of the noise in the sum at the least, in units of an update. */
  readonly sumStddev: number;
}

/** Throws `PrivacyError` for settings without sense, and where nobody is left to add noise. */
export function planRoundNoise(
  kind: DistributedNoiseKind,
  wanted: NoiseWanted,
  round: NoisyRound,
): RoundNoise {
  const lattice = latticeOf(round);
  const cohort = worstCohort(round);
  const sampling = wanted.kind === 'explicit' ? wanted.sampling : wanted.target.sampling;
  const plan = (multiplier: number) => planDistributedNoise(kind, multiplier, lattice, cohort, sampling);
  const multiplier =
    wanted.kind === 'explicit'
      ? wanted.multiplier
      : calibrate(wanted.target, (noise) => plan(noise).mechanism).noiseMultiplier;
  const { deviceStddev, mechanism } = plan(multiplier);
  const most = deviceStddevMaximum[kind];
  if (deviceStddev > most) {
    throw new PrivacyError(
      'invalid-noise',
      `Each device would add ${kind} noise of ${deviceStddev} steps; at most ${most} can be drawn.`,
      `Encode with ${Math.ceil(Math.log2(deviceStddev / most))} bits less: under so much noise, finer steps say nothing.`,
    );
  }
  const sumSteps = deviceStddev * Math.sqrt(contributorsOf(cohort));
  return {
    terms: { mechanism: kind, noiseStddevSteps: deviceStddev, sampling },
    mechanism,
    noiseMultiplier: sumSteps / latticeNorms(lattice).l2,
    sumStddev: sumSteps * round.layout.step,
  };
}

/** What a round promises of its noise. */
export interface NoisePromise {
  /** What all rounds together may spend. */
  readonly epsilon: number;
  readonly delta: number;
  /** Standard deviation of the noise in the sum over the clipping bound. */
  readonly noiseMultiplier: number;
}

/** Two ends that take roots may differ in the last digits. */
const multiplierTolerance = 1e-9;

/**
 * Why the noise is not what is promised, as a sentence: there is less of it, or one round costs more than all together
 * may; undefined where it is. A device asks before it takes part: it knows the cohort's bounds, the lattice and the noise,
 * and trusts nobody.
 */
export function brokenNoisePromise(
  terms: NoiseTerms,
  { epsilon, delta, noiseMultiplier }: NoisePromise,
  round: NoisyRound,
): string | undefined {
  const contributors = contributorsOf(worstCohort(round));
  if (contributors < 1) return 'of the smallest cohort that is allowed, nobody is left to add noise';
  const { step, encoding } = round.layout;
  const found = (terms.noiseStddevSteps * Math.sqrt(contributors) * step) / encoding.clipNorm;
  if (!(found >= noiseMultiplier * (1 - multiplierTolerance))) {
    return `the noise of ${contributors} devices, the fewest that may be in the sum and tell nobody theirs, is ${found.toPrecision(4)} times the clipping bound, and ${noiseMultiplier} times is promised`;
  }
  try {
    const mechanism = noiseMechanism(terms, round);
    const cost = epsilonSpent('rdp', [{ mechanism, rounds: 1 }], delta);
    if (cost <= epsilon) return undefined;
    return `one round with noise of ${terms.noiseStddevSteps} steps a device costs ε = ${cost.toPrecision(4)}, but all rounds together are to cost at most ${epsilon}`;
  } catch (error) {
    if (error instanceof PrivacyError) return error.message;
    throw error;
  }
}

/** What one round of this noise is to an accountant, in the worst cohort. Throws `PrivacyError` where nobody adds noise. */
export function noiseMechanism(terms: NoiseTerms, round: NoisyRound): PrivacyMechanism {
  return distributedMechanism(terms, latticeOf(round), contributorsOf(worstCohort(round)));
}

/** What a device does to its rounded update; `entropy` is the operating system's, or it is no noise. */
export function latticeNoise(terms: NoiseTerms, round: NoisyRound, entropy: Entropy): LatticeNoise {
  return {
    normMaximum: latticeNorms(latticeOf(round)).l2,
    add: (steps) => addDistributedNoise(entropy, terms, steps),
  };
}

function latticeOf({ layout: { encoding, step, parameterCount } }: NoisyRound): Lattice {
  return { clipSteps: encoding.clipNorm / step, dimension: parameterCount };
}

/** Of all cohorts that a round may have, the one that leaves the least noise that nobody knows. */
function worstCohort({ requirements, cohortMinimum, layout }: NoisyRound): NoiseCohort {
  let worst = cohortOf(cohortMinimum);
  for (let devices = cohortMinimum + 1; devices <= layout.cohort; devices += 1) {
    const cohort = cohortOf(devices);
    if (contributorsOf(cohort) < contributorsOf(worst)) worst = cohort;
  }
  return worst;

  function cohortOf(devices: number): NoiseCohort {
    const survivors = survivorsMinimum({ cohortMinimum, requirements }, devices);
    return {
      devices,
      toleratedDropouts: devices - survivors,
      // Whoever colludes has no reason to drop out.
      colluding: corruptMaximum(devices, requirements),
    };
  }
}

function contributorsOf({ devices, toleratedDropouts, colluding }: NoiseCohort): number {
  return devices - toleratedDropouts - colluding;
}
