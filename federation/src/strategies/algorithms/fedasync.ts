/** FedAsync: Xie et al. 2019, "Asynchronous Federated Optimization", Algorithm 1 with polynomial staleness. */
import { fraction, type NumberField, nonNegative } from '../fields.js';
import { type FederatedAlgorithm, plainDevicePart } from './algorithm.js';
import { stalenessWeight } from './fedbuff.js';

export interface FedAsync {
  readonly kind: 'fedasync';
  /** α: how far the model moves to one that is fresh. */
  readonly mixing: number;
  /** a of α·(1 + staleness)^-a. */
  readonly stalenessExponent: number;
}

export const fedAsyncFields: Readonly<Record<'mixing' | 'stalenessExponent', NumberField>> = {
  mixing: fraction(0.6),
  stalenessExponent: nonNegative(0.5),
};

/** Every single update is mixed in as it arrives: x' = (1 - αₛ)·x + αₛ·xₖ. What is sent is xₖ - x. */
export function fedAsync({ kind, mixing, stalenessExponent }: FedAsync): FederatedAlgorithm {
  return {
    ...plainDevicePart,
    kind,
    initialize: () => ({ round: -1, vectors: [] }),
    contribute({ delta, checkpoint, current, staleness }) {
      for (let i = 0; i < delta.length; i += 1) delta[i] += checkpoint[i] - current[i];
      return { weight: stalenessWeight(staleness, stalenessExponent), scalars: [] };
    },
    apply(_, checkpoint, { mean, weight, count }, round) {
      const scale = mixing * (weight / count);
      return {
        state: { round, vectors: [] },
        checkpoint: checkpoint.map((value, i) => value + scale * mean[i]),
      };
    },
  };
}
