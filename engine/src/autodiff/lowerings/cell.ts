/** What a recurrent layer does in one step, however its steps are put together. */
import type { GraphBuilder, Value } from '../../onnx/index.js';

/**
 * Adds one step: `own` `[batch, gates · hidden]` is the input's part of the gates with its bias, states are `[batch, hidden]`, first
 * the hidden one. Gives the new states.
 */
export type CellStep = (b: GraphBuilder, own: Value, states: readonly Value[]) => readonly Value[];

export interface Cell {
  readonly states: number;
  /** Whether the bias of the recurrent part may be added to that of the input's. */
  readonly joinsBiases: boolean;
  /**
   * Adds to `outer` what all steps have in common. `recurrent` is `[gates · hidden, hidden]`, `bias` `[gates · hidden]` that of the
   * recurrent part, where it is not joined. Of what is outside, a step uses nothing but weights and biases of products (`Gemm`).
   */
  prepare(outer: GraphBuilder, recurrent: Value, bias: Value | undefined): CellStep;
}
