import { dataTypeCode, type GraphBuilder, int, tensorOf, type Value } from '../onnx/index.js';
import { PlanError } from '../plan/errors.js';
import type { LossGraph } from './loss-graph.js';

/** Rows with a one at each class index: `[…]` int32 to `[…, classes]` float32. */
function oneHot(builder: GraphBuilder, indices: Value, classes: number): Value {
  // int32, like the indices: ONNX Runtime has no kernel for mixed types.
  const depth = builder.scalar(classes, 'int32');
  const offAndOn = builder.constant(tensorOf('float32', [2], [0, 1]), 'offAndOn');
  return builder.op('OneHot', [indices, depth, offAndOn], { axis: int(-1) });
}

/** `-log softmax(logits)[target]`; its gradient is `softmax(logits) - oneHot(target)`. */
export const softmaxCrossEntropy: LossGraph = {
  targetDataType: 'int32',
  metricNames: ['loss', 'accuracy'],
  targetShape(outputShape) {
    if (outputShape.length !== 1 || outputShape[0] < 2) {
      throw new PlanError(
        'plan/options',
        `softmax cross-entropy needs a model that gives one number for each of at least 2 classes, but this one gives [${outputShape}]; end it with a "dense" layer of as many units as classes`,
      );
    }
    return [];
  },
  prepare(builder, { targets, scale, outputShape }) {
    const column = builder.op('Unsqueeze', [scale, builder.ints([2])]);
    return [oneHot(builder, targets, outputShape[0]), column];
  },
  gradient(builder, output, [expected, scale]) {
    const probabilities = builder.op('Softmax', [output], { axis: int(-1) });
    return builder.op('Mul', [builder.op('Sub', [probabilities, expected]), scale]);
  },
  metrics(builder, outputs, targets) {
    const logProbabilities = builder.op('LogSoftmax', [outputs], { axis: int(-1) });
    const column = builder.op('Unsqueeze', [targets, builder.ints([1])]);
    const chosen = builder.op('GatherElements', [logProbabilities, column], { axis: int(1) });
    const logLikelihood = builder.op('Squeeze', [chosen, builder.ints([1])]);
    const guess = builder.op('ArgMax', [outputs], { axis: int(-1), keepdims: int(0) });
    const isRight = builder.op('Equal', [
      guess,
      builder.op('Cast', [targets], { to: int(dataTypeCode('int64')) }),
    ]);
    return [
      { name: 'loss', value: builder.op('Neg', [logLikelihood]) },
      { name: 'accuracy', value: builder.op('Cast', [isRight], { to: int(dataTypeCode('float32')) }) },
    ];
  },
};
