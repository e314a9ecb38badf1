import type { OptimizerGraph } from './optimizer-graph.js';

/**
 * `v ← μ v + g; p ← p - lr v` (Polyak 1964), or with Nesterov's look-ahead `p ← p - lr (g + μ v)` in the form of
 * Sutskever et al. 2013; as PyTorch's SGD with momentum.
 */
export function momentum(mu: number, nesterov: boolean): OptimizerGraph {
  return {
    slotNames: ['velocity'],
    needsStepNumbers: false,
    prepare: (_builder, { learningRate }) => ({
      gradientScale: undefined,
      constants: [learningRate],
      perStep: [],
    }),
    update(builder, { parameter, gradient, slots: [velocity], constants: [learningRate] }) {
      const factor = builder.scalar(mu);
      const next = builder.op('Add', [builder.op('Mul', [velocity, factor]), gradient]);
      const direction = nesterov ? builder.op('Add', [gradient, builder.op('Mul', [next, factor])]) : next;
      const change = builder.op('Mul', [direction, learningRate]);
      return { parameter: builder.op('Sub', [parameter, change]), slots: [next] };
    },
  };
}
