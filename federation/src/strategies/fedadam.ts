import { adaptiveStrategy } from './adaptive.js';
import type { FedAdam } from './definition.js';
import { fraction, positive, type StrategyFields } from './fields.js';
import type { Strategy } from './strategy.js';

export const fedAdamFields: StrategyFields<FedAdam> = {
  serverLearningRate: positive(0.01),
  beta1: fraction(0.9),
  beta2: fraction(0.99),
  tau: positive(0.001),
};

/** v' = β2·v + (1 - β2)·Δ². */
export function fedAdam(definition: FedAdam): Strategy {
  const { beta2 } = definition;
  return adaptiveStrategy(definition, (v, squared) => beta2 * v + (1 - beta2) * squared);
}
