import { adaptiveStrategy } from './adaptive.js';
import type { FedYogi } from './definition.js';
import { fraction, positive, type StrategyFields } from './fields.js';
import type { Strategy } from './strategy.js';

export const fedYogiFields: StrategyFields<FedYogi> = {
  serverLearningRate: positive(0.01),
  beta1: fraction(0.9),
  beta2: fraction(0.99),
  tau: positive(0.001),
};

/** v' = v - (1 - β2)·Δ²·sign(v - Δ²): unlike Adam's, it never changes faster than Δ² itself. */
export function fedYogi(definition: FedYogi): Strategy {
  const { beta2 } = definition;
  return adaptiveStrategy(definition, (v, squared) => v - (1 - beta2) * squared * Math.sign(v - squared));
}
