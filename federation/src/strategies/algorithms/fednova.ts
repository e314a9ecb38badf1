/** FedNova: Wang et al. 2020, "Tackling the Objective Inconsistency Problem in Heterogeneous Federated Optimization", eq. 6-8. */
import { fraction, type NumberField, nonNegative, positive } from '../fields.js';
import { type FederatedAlgorithm, plainDevicePart } from './algorithm.js';

export interface FedNova {
  readonly kind: 'fednova';
  readonly serverLearningRate: number;
  /** μ of a proximal term in the devices' objective; 0 is none. */
  readonly proximalMu: number;
  /** ρ of the devices' momentum: that of the task's optimizer, 0 for plain SGD. */
  readonly localMomentum: number;
}

export const fedNovaFields: Readonly<
  Record<'serverLearningRate' | 'proximalMu' | 'localMomentum', NumberField>
> = {
  serverLearningRate: positive(1),
  proximalMu: nonNegative(0),
  localMomentum: fraction(0),
};

/**
 * ‖aᵢ‖₁: how many gradients' worth of progress `steps` local steps make (section 4 of the paper): τ for SGD,
 * (τ - ρ(1 - ρ^τ)/(1 - ρ))/(1 - ρ) with momentum, (1 - (1 - ημ)^τ)/(ημ) with a proximal term.
 */
export function localProgress(steps: number, momentum: number, pull: number): number {
  if (momentum > 0) return (steps - (momentum * (1 - momentum ** steps)) / (1 - momentum)) / (1 - momentum);
  return pull > 0 ? (1 - (1 - pull) ** steps) / pull : steps;
}

/** Devices send their delta for each unit of progress, so that who makes more steps does not pull harder. */
export function fedNova(definition: FedNova): FederatedAlgorithm {
  const { kind, serverLearningRate, proximalMu, localMomentum } = definition;
  return {
    ...plainDevicePart,
    kind,
    plan: { proximalMu, correction: false },
    initialize: () => ({ round: -1, vectors: [] }),
    contribute({ delta, weight, steps, learningRate }) {
      const progress = localProgress(steps, localMomentum, learningRate * proximalMu);
      for (let i = 0; i < delta.length; i += 1) delta[i] /= progress;
      return { weight, scalars: [weight * progress] };
    },
    apply(_, checkpoint, { mean, weight, scalars: [progress] }, round) {
      const scale = serverLearningRate * (progress / weight);
      return {
        state: { round, vectors: [] },
        checkpoint: checkpoint.map((value, i) => value + scale * mean[i]),
      };
    },
  };
}
