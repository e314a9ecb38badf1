/** The engine's optimizers on flat vectors, for runtimes that do not run them inside of a graph. */
import type { OptimizerDefinition } from '../../optimizers/index.js';

/** Changes `parameters` by one step; `step` counts from 1. */
export type ApplyGradient = (
  parameters: Float32Array,
  gradient: Float32Array,
  learningRate: number,
  step: number,
) => void;

/** Slots start as zeros. See optimizers/ for the sources of the formulas. */
export function gradientStep(definition: OptimizerDefinition, count: number): ApplyGradient {
  switch (definition.kind) {
    case 'sgd':
      return (parameters, gradient, rate) => {
        for (let i = 0; i < count; i++) parameters[i] -= rate * gradient[i];
      };
    case 'momentum': {
      const { momentum, nesterov } = definition;
      const velocity = new Float32Array(count);
      return (parameters, gradient, rate) => {
        for (let i = 0; i < count; i++) {
          velocity[i] = momentum * velocity[i] + gradient[i];
          parameters[i] -= rate * (nesterov ? gradient[i] + momentum * velocity[i] : velocity[i]);
        }
      };
    }
    case 'adam':
    case 'adamw': {
      const { beta1, beta2, epsilon } = definition;
      const decay = definition.kind === 'adamw' ? definition.weightDecay : 0;
      const [first, second] = [new Float32Array(count), new Float32Array(count)];
      return (parameters, gradient, rate, step) => {
        const [c1, c2] = [1 - beta1 ** step, 1 - beta2 ** step];
        for (let i = 0; i < count; i++) {
          first[i] = beta1 * first[i] + (1 - beta1) * gradient[i];
          second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i];
          const change = first[i] / c1 / (Math.sqrt(second[i] / c2) + epsilon);
          parameters[i] = parameters[i] * (1 - rate * decay) - rate * change;
        }
      };
    }
  }
}
