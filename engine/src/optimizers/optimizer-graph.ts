import type { GraphBuilder, Value } from '../onnx/index.js';

export interface OptimizerInputs {
  /** A float32 scalar. */
  readonly learningRate: Value;
  /** `[steps]` float64: how many steps there will have been after each, from the start of training. */
  readonly stepNumbers: Value | undefined;
}

/** What an optimizer computes once for a whole chunk, outside of the loop over steps. */
export interface PreparedOptimizer {
  /**
   * Gradients arrive multiplied by this scalar, which costs nothing because it is folded into the loss's
   * gradient; undefined is 1.
   */
  readonly gradientScale: Value | undefined;
  /** Values every step may use. */
  readonly constants: readonly Value[];
  /** Values `[steps]`, of which each step gets its element. */
  readonly perStep: readonly Value[];
}

export interface OptimizerStep {
  readonly parameter: Value;
  /** Of the loss with respect to the parameter, times the gradient scale. */
  readonly gradient: Value;
  /** The parameter's state, one tensor of its shape for each of `slotNames`. */
  readonly slots: readonly Value[];
  readonly constants: readonly Value[];
  readonly perStep: readonly Value[];
}

export interface OptimizerUpdate {
  readonly parameter: Value;
  readonly slots: readonly Value[];
}

/** An optimizer as subgraphs; all state starts at zero. */
export interface OptimizerGraph {
  readonly slotNames: readonly string[];
  readonly needsStepNumbers: boolean;
  prepare(builder: GraphBuilder, inputs: OptimizerInputs): PreparedOptimizer;
  update(builder: GraphBuilder, step: OptimizerStep): OptimizerUpdate;
}
