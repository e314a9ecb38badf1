import { adaptiveStrategy } from './adaptive.js';
import type { FedAdagrad } from './definition.js';
import { fraction, positive, type StrategyFields } from './fields.js';
import type { Strategy } from './strategy.js';

export const fedAdagradFields: StrategyFields<FedAdagrad> = {
  serverLearningRate: positive(0.1),
  beta1: fraction(0),
  tau: positive(0.001),
};

/** v' = v + Δ². */
export function fedAdagrad(definition: FedAdagrad): Strategy {
  return adaptiveStrategy(definition, (v, squared) => v + squared);
}
