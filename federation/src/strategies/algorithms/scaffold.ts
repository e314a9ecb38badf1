/** SCAFFOLD: Karimireddy et al. 2020, "SCAFFOLD: Stochastic Controlled Averaging for Federated Learning", Algorithm 1. */
import { type NumberField, positive } from '../fields.js';
import { type FederatedAlgorithm, plainDevicePart } from './algorithm.js';

export interface Scaffold {
  readonly kind: 'scaffold';
  /** η_g of the paper. */
  readonly serverLearningRate: number;
}

export const scaffoldFields: Readonly<Record<'serverLearningRate', NumberField>> = {
  serverLearningRate: positive(1),
};

/**
 * Local steps go along g - cᵢ + c, where cᵢ is what the device's own drift was last time and c the fleet's mean of it.
 * With option II of the paper, cᵢ' = cᵢ - c + (x - yᵢ)/(K·η_l). Vectors: c, broadcast; each device keeps its cᵢ.
 */
export function scaffold({ kind, serverLearningRate }: Scaffold): FederatedAlgorithm {
  return {
    ...plainDevicePart,
    kind,
    plan: { proximalMu: 0, correction: true },
    broadcastVectors: 1,
    keptVectors: 1,
    hasExtra: true,
    initialize: (parameterCount) => ({ round: -1, vectors: [new Float32Array(parameterCount)] }),
    correct({ broadcast: [c], kept: [own] }, out) {
      for (let i = 0; i < out.length; i += 1) out[i] = c[i] - own[i];
    },
    contribute({ delta, broadcast: [c], kept: [own], extra, steps, learningRate }) {
      const scale = 1 / (steps * learningRate);
      for (let i = 0; i < delta.length; i += 1) {
        const change = -c[i] - scale * delta[i];
        own[i] += change;
        if (extra !== undefined) extra[i] = change;
      }
      // The paper's mean is over devices, whatever they hold.
      return { weight: 1, scalars: [] };
    },
    apply({ vectors: [c] }, checkpoint, { mean, extraMean, count, fleet }, round) {
      const share = count / fleet;
      return {
        state: { round, vectors: [c.map((value, i) => value + share * (extraMean?.[i] ?? 0))] },
        checkpoint: checkpoint.map((value, i) => value + serverLearningRate * mean[i]),
      };
    },
  };
}
