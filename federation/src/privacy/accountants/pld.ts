/**
 * The accountant by privacy loss distributions: follows the whole distribution of the privacy loss instead of its
 * moments. Tight, for Gaussian noise only; a fraction of a second a question.
 */
import { PrivacyError } from '../errors.js';
import {
  checkDelta,
  checkMechanism,
  checkRounds,
  type GaussianMechanism,
  type PrivacyMechanism,
  type PrivateRounds,
} from '../mechanism.js';
import { composeLosses, compositionWindow, type RepeatedLoss, roundingMass } from './composition.js';
import { gaussianLossRange, gaussianPrivacyLoss, type PrivacyLoss } from './privacy-loss.js';

/** The usual grid of losses, as in dp-accounting. */
const usualStep = 1e-4;

/** Points that the narrowest loss of one round has at the least, or rounding up would drown it. */
const narrowPoints = 64;

/**
 * Points that a distribution may have. A wider one gets a coarser grid, which only ever overstates ε: by less than
 * 1 part in 10^4 over all settings of the tests.
 */
const pointsMax = 2 ** 16;

/** Points of the first, rough look at how wide the composed loss is. */
const roughPoints = 4096;

/** Below this, or this many times what rounding can hide, an answer would be rounding. */
const deltaMin = 1e-11;
const deltaOverRounding = 10;

interface GaussianRounds {
  readonly mechanism: GaussianMechanism;
  readonly rounds: number;
}

/**
 * The least ε that this accountant can prove for all of `spent` together, at `delta`, whichever way neighbours
 * differ; 0 when nothing was spent.
 *
 * @example
 * pldEpsilon([{ mechanism: { kind: 'gaussian', noiseMultiplier: 1.1, sampling: 0.01 }, rounds: 2000 }], 1e-5); // 2.16
 */
export function pldEpsilon(spent: readonly PrivateRounds[], delta: number): number {
  checkDelta(delta);
  const parts = mergeFullParticipation(spent);
  if (parts.length === 0) return 0;
  checkResolution(parts, delta);
  const step = chooseStep(parts);
  const { remove, add } = composeLosses(discretize(parts, step));
  return Math.max(epsilonOfLoss(remove, delta), epsilonOfLoss(add, delta));
}

function checkResolution(parts: readonly GaussianRounds[], delta: number): void {
  const rounds = parts.reduce((sum, part) => sum + part.rounds, 0);
  const least = Math.max(deltaMin, deltaOverRounding * roundingMass * rounds);
  if (delta >= least) return;
  throw new PrivacyError(
    'delta-too-small',
    `Over ${rounds} rounds the PLD accountant cannot tell δ = ${delta} from rounding; it needs at least ${least}.`,
    'Use the RDP accountant.',
  );
}

/** Without sampling, n rounds of noise σ are one round of noise σ/√n, and rounds of several σ add up likewise. */
function mergeFullParticipation(spent: readonly PrivateRounds[]): GaussianRounds[] {
  const sampled: GaussianRounds[] = [];
  let precision = 0;
  for (const { mechanism, rounds } of spent) {
    checkGaussian(mechanism);
    checkRounds(rounds);
    if (mechanism.sampling === 1) precision += rounds / mechanism.noiseMultiplier ** 2;
    else sampled.push({ mechanism, rounds });
  }
  if (precision === 0) return sampled;
  const noiseMultiplier = 1 / Math.sqrt(precision);
  return [...sampled, { mechanism: { kind: 'gaussian', noiseMultiplier, sampling: 1 }, rounds: 1 }];
}

function checkGaussian(mechanism: PrivacyMechanism): asserts mechanism is GaussianMechanism {
  checkMechanism(mechanism);
  if (mechanism.scheme === 'fixed-size' && mechanism.sampling < 1) {
    throw new PrivacyError(
      'unsupported-mechanism',
      'The PLD accountant knows Poisson sampling only, and cohorts of a fixed size are drawn without replacement.',
      'Use the RDP accountant.',
    );
  }
  if (mechanism.kind === 'gaussian') return;
  throw new PrivacyError(
    'unsupported-mechanism',
    `The PLD accountant knows Gaussian noise only, not ${mechanism.kind}: no tight distribution is known for it in many dimensions.`,
    'Use the RDP accountant.',
  );
}

/** The usual grid, made finer for very small losses, and then coarser until distributions fit `pointsMax`. */
function chooseStep(parts: readonly GaussianRounds[]): number {
  const ranges = parts.map(({ mechanism }) => {
    const [least, most] = gaussianLossRange(mechanism.noiseMultiplier, mechanism.sampling);
    return most - least;
  });
  const widest = Math.max(...ranges);
  const narrowest = Math.min(...ranges);
  const finest = usualStep * 2 ** Math.min(0, Math.floor(Math.log2(narrowest / narrowPoints / usualStep)));
  const roughStep = Math.max(finest, widest / roughPoints);
  const rough = discretize(parts, roughStep);
  const length = Math.max(
    compositionWindow(rough, 'remove').length,
    compositionWindow(rough, 'add').length,
    widest / roughStep,
  );
  const coarsening = (length * roughStep) / (pointsMax * finest);
  return finest * 2 ** Math.max(0, Math.ceil(Math.log2(coarsening)));
}

function discretize(parts: readonly GaussianRounds[], step: number): RepeatedLoss[] {
  return parts.map(({ mechanism, rounds }) => ({
    losses: gaussianPrivacyLoss(mechanism.noiseMultiplier, mechanism.sampling, step),
    rounds,
  }));
}

/** The least ε ≥ 0 with E[(1 - e^(ε - loss))₊] ≤ δ; +Infinity when unbounded losses alone are more likely than δ. */
export function epsilonOfLoss(loss: PrivacyLoss, delta: number): number {
  checkMass(loss);
  if (loss.infinite > delta) return Number.POSITIVE_INFINITY;
  // Between two points of the grid, δ(ε) = upper - e^ε·lower, over the losses above ε. `lower` is kept relative to
  // e^-top, so that large losses do not underflow.
  const { step, lowest, probabilities } = loss;
  const shrink = Math.exp(-step);
  let upper = loss.infinite;
  let scaledLower = 0;
  for (let i = probabilities.length - 1; i >= 0; i -= 1) {
    const value = (lowest + i) * step;
    // Here `scaledLower` is e^value · Σ p·e^-loss, over the losses above `value`.
    scaledLower *= shrink;
    if (upper - delta > scaledLower) return Math.max(0, value + Math.log((upper - delta) / scaledLower));
    if (value < 0) return 0;
    upper += probabilities[i];
    scaledLower += probabilities[i];
  }
  return upper - delta > scaledLower
    ? Math.max(0, lowest * step + Math.log((upper - delta) / scaledLower))
    : 0;
}

/** A distribution that lost its mass would look perfectly private: never let one through. */
function checkMass({ probabilities, infinite }: PrivacyLoss): void {
  let mass = infinite;
  for (const probability of probabilities) mass += probability;
  if (Math.abs(mass - 1) < 1e-6) return;
  throw new Error(`assertion failed: a privacy loss distribution has mass ${mass}`);
}
