import type { GraphBuilder, Value } from '../onnx/index.js';

/** What the loss needs while it looks at all batches of a chunk at once. */
export interface LossTargets {
  /** `[steps, batch, …targetShape]`. */
  readonly targets: Value;
  /** `[steps, batch]`: what the gradient of each example is multiplied by. */
  readonly scale: Value;
  /** What the model gives for one example, without the batch axis. */
  readonly outputShape: readonly number[];
}

/** A number for each example, `[examples]`. */
export interface MetricValue {
  readonly name: string;
  readonly value: Value;
}

/**
 * A loss as subgraphs. The gradient is written down directly instead of derived: it is shorter (softmax and
 * logarithm cancel), and never divides by a probability.
 *
 * Work that does not depend on the parameters, or needs no gradient, is done for a whole chunk outside of the
 * loop over steps: a small operator costs as much to call as to compute.
 */
export interface LossGraph {
  readonly targetDataType: 'int32' | 'float32';
  readonly metricNames: readonly string[];
  /** Shape of one target. @throws PlanError where the model's output does not suit the loss */
  targetShape(outputShape: readonly number[]): readonly number[];
  /** Outside of the loop: values `[steps, …]`, of which {@link gradient} gets one step's slices. */
  prepare(builder: GraphBuilder, targets: LossTargets): readonly Value[];
  /** Inside the loop: gradient of the scaled losses' sum with respect to `output` `[batch, …outputShape]`. */
  gradient(builder: GraphBuilder, output: Value, prepared: readonly Value[]): Value;
  /** The metrics of `outputs` `[examples, …outputShape]` against `targets` `[examples, …targetShape]`; `loss` first. */
  metrics(builder: GraphBuilder, outputs: Value, targets: Value): readonly MetricValue[];
}
