/**
 * The adaptive server optimizers: Reddi et al. 2021, "Adaptive Federated Optimization", Algorithm 2. With Δ the mean
 * delta of the round,
 *
 *     m' = β1·m + (1 - β1)·Δ
 *     v' = a function of v and Δ², which alone tells the three apart
 *     x' = x + η·m' / (√v' + τ)
 *
 * from m = 0 and v = τ², the least that the algorithm allows. There is no bias correction, as in the paper.
 */
import type { FedAdagrad, FedAdam, FedYogi } from './definition.js';
import { type Strategy, strategyFrom } from './strategy.js';

/** Moments: m, v. */
export function adaptiveStrategy(
  definition: FedAdagrad | FedAdam | FedYogi,
  secondMoment: (v: number, squared: number) => number,
): Strategy {
  const { serverLearningRate, beta1, tau } = definition;
  return strategyFrom(definition, [0, tau * tau], (vectors) => {
    const { checkpoint, meanDelta, nextCheckpoint } = vectors;
    const [first, second] = vectors.moments;
    const [nextFirst, nextSecond] = vectors.nextMoments;
    for (let i = 0; i < checkpoint.length; i += 1) {
      const delta = meanDelta[i];
      const m = beta1 * first[i] + (1 - beta1) * delta;
      const v = secondMoment(second[i], delta * delta);
      nextFirst[i] = m;
      nextSecond[i] = v;
      nextCheckpoint[i] = checkpoint[i] + (serverLearningRate * m) / (Math.sqrt(v) + tau);
    }
  });
}
