/** q-FedAvg: Li et al. 2020, "Fair Resource Allocation in Federated Learning", Algorithm 2. */
import { type NumberField, nonNegative } from '../fields.js';
import { type FederatedAlgorithm, plainDevicePart } from './algorithm.js';

export interface QFfl {
  readonly kind: 'q-ffl';
  /** q: how much more a device counts the worse the model serves it; 0 is averaging over devices. */
  readonly q: number;
}

export const qFflFields: Readonly<Record<'q', NumberField>> = { q: nonNegative(1) };

/** Weights must not vanish: the least that a sum counts. */
const weightMin = 2 ** -20;

/**
 * With F the device's loss at the checkpoint, L = 1/η and Δw = L·(w - wₖ): devices send F^q·Δw and
 * h = q·F^(q-1)·‖Δw‖² + L·F^q; the server steps by -ΣF^q·Δw / Σh.
 */
export function qFfl({ kind, q }: QFfl): FederatedAlgorithm {
  return {
    ...plainDevicePart,
    kind,
    needsLoss: true,
    initialize: () => ({ round: -1, vectors: [] }),
    contribute({ delta, lossBefore, learningRate }) {
      const lipschitz = 1 / learningRate;
      const loss = Math.max(lossBefore, 1e-10);
      let squares = 0;
      for (let i = 0; i < delta.length; i += 1) squares += delta[i] * delta[i];
      const weight = Math.max(loss ** q, weightMin);
      const curvature = q * loss ** (q - 1) * squares * lipschitz * lipschitz + lipschitz * weight;
      // The server's step is Σ F^q·L·delta / Σ h: L goes into the denominator here.
      return { weight, scalars: [curvature * learningRate] };
    },
    apply(_, checkpoint, { mean, weight, scalars: [curvature] }, round) {
      const scale = weight / curvature;
      return {
        state: { round, vectors: [] },
        checkpoint: checkpoint.map((value, i) => value + scale * mean[i]),
      };
    },
  };
}
