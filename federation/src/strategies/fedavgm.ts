/** FedAvgM: Hsu et al. 2019, "Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification", section 3. */
import type { FedAvgM } from './definition.js';
import { fraction, positive, type StrategyFields } from './fields.js';
import { type Strategy, strategyFrom } from './strategy.js';

export const fedAvgMFields: StrategyFields<FedAvgM> = {
  serverLearningRate: positive(1),
  momentum: fraction(0.9),
};

/** v' = β·v + Δ; x' = x + η·v'. Moments: v. */
export function fedAvgM(definition: FedAvgM): Strategy {
  const { serverLearningRate, momentum } = definition;
  return strategyFrom(definition, [0], (vectors) => {
    const { checkpoint, meanDelta, nextCheckpoint } = vectors;
    const [velocity] = vectors.moments;
    const [nextVelocity] = vectors.nextMoments;
    for (let i = 0; i < checkpoint.length; i += 1) {
      const moved = momentum * velocity[i] + meanDelta[i];
      nextVelocity[i] = moved;
      nextCheckpoint[i] = checkpoint[i] + serverLearningRate * moved;
    }
  });
}
