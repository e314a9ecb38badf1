/** FedDyn: Acar et al. 2021, "Federated Learning Based on Dynamic Regularization", Algorithm 1. */
import { type NumberField, positive } from '../fields.js';
import { type FederatedAlgorithm, plainDevicePart } from './algorithm.js';

export interface FedDyn {
  readonly kind: 'feddyn';
  /** α of the dynamic regularizer. */
  readonly alpha: number;
}

export const fedDynFields: Readonly<Record<'alpha', NumberField>> = { alpha: positive(0.01) };

/**
 * Each device minimizes Lₖ(θ) - ⟨gₖ, θ⟩ + α/2·‖θ - θᵗ‖², where gₖ is its gradient at its last solution: at the fleet's
 * optimum, the devices' optima agree. Vectors: h of the server, not broadcast; each device keeps its gₖ.
 */
export function fedDyn({ kind, alpha }: FedDyn): FederatedAlgorithm {
  return {
    ...plainDevicePart,
    kind,
    plan: { proximalMu: alpha, correction: true },
    keptVectors: 1,
    initialize: (parameterCount) => ({ round: -1, vectors: [new Float32Array(parameterCount)] }),
    correct({ kept: [own] }, out) {
      for (let i = 0; i < out.length; i += 1) out[i] = -own[i];
    },
    contribute({ delta, kept: [own] }) {
      for (let i = 0; i < delta.length; i += 1) own[i] -= alpha * delta[i];
      return { weight: 1, scalars: [] };
    },
    apply({ vectors: [h] }, checkpoint, { mean, count, fleet }, round) {
      const share = (alpha * count) / fleet;
      const next = h.map((value, i) => value - share * mean[i]);
      return {
        state: { round, vectors: [next] },
        checkpoint: checkpoint.map((value, i) => value + mean[i] - next[i] / alpha),
      };
    },
  };
}
