import { proximalMuOf, type StrategyDefinition } from '../definition.js';
import { strategyOf } from '../registry.js';
import { type FederatedAlgorithm, plainDevicePart } from './algorithm.js';

/** A strategy whose device's part is plain training: FedAvg, FedProx, FedAvgM, FedAdagrad, FedAdam, FedYogi. */
export function serverOptimizer(definition: StrategyDefinition): FederatedAlgorithm {
  const strategy = strategyOf(definition);
  const { kind } = definition;
  return {
    ...plainDevicePart,
    kind,
    plan: { proximalMu: proximalMuOf(definition), correction: false },
    initialize(parameterCount) {
      const { round, moments } = strategy.initialize(parameterCount);
      return { round, vectors: moments };
    },
    apply(state, checkpoint, { mean }, round) {
      const before = {
        kind,
        round: state.round,
        parameterCount: checkpoint.length,
        moments: state.vectors,
      };
      const step = strategy.apply(before, checkpoint, mean, round);
      return { state: { round, vectors: step.state.moments }, checkpoint: step.checkpoint };
    },
  };
}
