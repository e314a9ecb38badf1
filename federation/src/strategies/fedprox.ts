/**
 * FedProx: Li et al. 2020, "Federated Optimization in Heterogeneous Networks". The proximal term is in the devices'
 * objective, eq. 2, so in the plan; the server averages as FedAvg does.
 */
import type { FedProx } from './definition.js';
import { fedAvg } from './fedavg.js';
import { nonNegative, positive, type StrategyFields } from './fields.js';
import type { Strategy } from './strategy.js';

export const fedProxFields: StrategyFields<FedProx> = {
  serverLearningRate: positive(1),
  proximalMu: nonNegative(0.01),
};

/** x' = x + η·Δ; no moments. */
export function fedProx(definition: FedProx): Strategy {
  return fedAvg(definition);
}
