/** What the losses that compare output and target element by element share. */
import { type GraphBuilder, int, type Value } from '../onnx/index.js';
import type { LossGraph, MetricValue } from './loss-graph.js';

interface ElementwiseLoss {
  readonly metricNames: readonly string[];
  /** Derivative of one element's loss with respect to the output, for a whole batch. */
  derivative(builder: GraphBuilder, output: Value, target: Value): Value;
  /** The elements' metrics, of the same shape as `output`; `loss` first. */
  metrics(builder: GraphBuilder, output: Value, target: Value): readonly MetricValue[];
}

/** The loss of an example is the mean over its elements. */
export function elementwiseLoss(loss: ElementwiseLoss): LossGraph {
  return {
    targetDataType: 'float32',
    metricNames: loss.metricNames,
    targetShape: (outputShape) => (outputShape.length === 1 && outputShape[0] === 1 ? [] : outputShape),
    prepare(builder, { targets, scale, outputShape }) {
      const elements = outputShape.reduce((product, size) => product * size, 1);
      const perElement = builder.op('Mul', [scale, builder.scalar(1 / elements)]);
      const trailing = outputShape.map((_, axis) => axis + 2);
      return [
        // Zeros copy the axes of steps and batch.
        builder.op('Reshape', [targets, builder.ints([0, 0, ...outputShape])]),
        builder.op('Unsqueeze', [perElement, builder.ints(trailing)]),
      ];
    },
    gradient(builder, output, [target, scale]) {
      return builder.op('Mul', [loss.derivative(builder, output, target), scale]);
    },
    metrics(builder, outputs, targets) {
      const rows = builder.op('Flatten', [outputs], { axis: int(1) });
      const elements = rows.shape[1];
      if (typeof elements !== 'number') throw new TypeError('the shape of the output must be known');
      const expected = builder.op('Reshape', [targets, builder.ints([-1, elements])]);
      return loss.metrics(builder, rows, expected).map(({ name, value }) => ({
        name,
        value: builder.op('ReduceMean', [value, builder.ints([1])], { keepdims: int(0) }),
      }));
    },
  };
}
