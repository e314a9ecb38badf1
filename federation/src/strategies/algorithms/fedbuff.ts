/** FedBuff: Nguyen et al. 2022, "Federated Learning with Buffered Asynchronous Aggregation", Algorithm 1. */
import { type NumberField, nonNegative, positive } from '../fields.js';
import { type FederatedAlgorithm, plainDevicePart } from './algorithm.js';

export interface FedBuff {
  readonly kind: 'fedbuff';
  /** η_g. */
  readonly serverLearningRate: number;
  /** a of the weight (1 + staleness)^-a; the paper's is 1/2. */
  readonly stalenessExponent: number;
}

export const fedBuffFields: Readonly<Record<'serverLearningRate' | 'stalenessExponent', NumberField>> = {
  serverLearningRate: positive(1),
  stalenessExponent: nonNegative(0.5),
};

/** s(τ) = (1 + τ)^-a: what an update counts that was trained from a checkpoint `staleness` commits old. */
export function stalenessWeight(staleness: number, exponent: number): number {
  return (1 + staleness) ** -exponent;
}

/** Whenever the buffer is full, x' = x + η/K·Σ s(τₖ)·Δₖ. */
export function fedBuff({ kind, serverLearningRate, stalenessExponent }: FedBuff): FederatedAlgorithm {
  return {
    ...plainDevicePart,
    kind,
    initialize: () => ({ round: -1, vectors: [] }),
    contribute: ({ staleness }) => ({
      weight: stalenessWeight(staleness, stalenessExponent),
      scalars: [],
    }),
    apply(_, checkpoint, { mean, weight, count }, round) {
      const scale = serverLearningRate * (weight / count);
      return {
        state: { round, vectors: [] },
        checkpoint: checkpoint.map((value, i) => value + scale * mean[i]),
      };
    },
  };
}
