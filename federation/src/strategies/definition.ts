import type { RobustAggregation } from './robust/definition.js';
import type { Weighting } from './weighting.js';

/** What every strategy has. */
interface Common {
  readonly weighting: Weighting;
  /** In place of the weighted mean of the deltas, which is meant where this is left out. */
  readonly aggregation?: RobustAggregation;
}

/** Federated averaging (McMahan et al. 2017): the checkpoint moves by the mean delta. */
export interface FedAvg extends Common {
  readonly kind: 'fedavg';
  /** Step size of the mean delta; 1 is plain averaging. */
  readonly serverLearningRate: number;
}

/** Averaging of updates trained with a proximal term (Li et al. 2020), which is part of the plan. */
export interface FedProx extends Common {
  readonly kind: 'fedprox';
  readonly serverLearningRate: number;
  /** μ of the local term μ/2·‖w - w_global‖²; 0 is FedAvg. */
  readonly proximalMu: number;
}

/** Averaging with server momentum (Hsu et al. 2019). */
export interface FedAvgM extends Common {
  readonly kind: 'fedavgm';
  readonly serverLearningRate: number;
  /** β: the share of the last velocity that is kept. */
  readonly momentum: number;
}

/** What the adaptive optimizers of Reddi et al. 2021 have in common. */
interface Adaptive extends Common {
  /** η, the size of the server's step. */
  readonly serverLearningRate: number;
  /** β1: the share of the last mean delta that is kept. */
  readonly beta1: number;
  /** τ, the degree of adaptivity: smaller adapts more. */
  readonly tau: number;
}

/** Reddi et al. 2021, Algorithm 2, with the summed second moment of Adagrad. */
export interface FedAdagrad extends Adaptive {
  readonly kind: 'fedadagrad';
}

/** Reddi et al. 2021, Algorithm 2, with the decaying second moment of Adam. */
export interface FedAdam extends Adaptive {
  readonly kind: 'fedadam';
  /** β2: the share of the last second moment that is kept. */
  readonly beta2: number;
}

/** Reddi et al. 2021, Algorithm 2, with the additive second moment of Yogi. */
export interface FedYogi extends Adaptive {
  readonly kind: 'fedyogi';
  /** β2: 1 - β2 is the size of the second moment's step. */
  readonly beta2: number;
}

/** How the coordinator turns a round's mean delta into the next checkpoint. */
export type StrategyDefinition = FedAvg | FedProx | FedAvgM | FedAdagrad | FedAdam | FedYogi;

/** μ for the plan's proximal term; 0 where the strategy has none. */
export function proximalMuOf(definition: StrategyDefinition): number {
  return definition.kind === 'fedprox' ? definition.proximalMu : 0;
}
