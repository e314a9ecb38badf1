import type { OptimizerGraph } from './optimizer-graph.js';

/** `p ← p - lr g`, with `-lr` folded into the gradient, so that the update can be folded into the `Gemm` that gives it. */
export const sgd: OptimizerGraph = {
  slotNames: [],
  needsStepNumbers: false,
  prepare(builder, { learningRate }) {
    return { gradientScale: builder.op('Neg', [learningRate]), constants: [], perStep: [] };
  },
  update(builder, { parameter, gradient }) {
    return { parameter: builder.op('Add', [parameter, gradient]), slots: [] };
  },
};
