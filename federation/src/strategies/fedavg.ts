/** FedAvg: McMahan et al. 2017, "Communication-Efficient Learning of Deep Networks from Decentralized Data", Algorithm 1. */
import type { FedAvg, FedProx } from './definition.js';
import { positive, type StrategyFields } from './fields.js';
import { type Strategy, strategyFrom } from './strategy.js';

export const fedAvgFields: StrategyFields<FedAvg> = { serverLearningRate: positive(1) };

/** x' = x + η·Δ; no moments. */
export function fedAvg(definition: FedAvg | FedProx): Strategy {
  const { serverLearningRate } = definition;
  return strategyFrom(definition, [], ({ checkpoint, meanDelta, nextCheckpoint }) => {
    for (let i = 0; i < checkpoint.length; i += 1) {
      nextCheckpoint[i] = checkpoint[i] + serverLearningRate * meanDelta[i];
    }
  });
}
