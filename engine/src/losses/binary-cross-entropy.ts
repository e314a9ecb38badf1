import { dataTypeCode, int } from '../onnx/index.js';
import { elementwiseLoss } from './elementwise.js';

/**
 * Binary cross-entropy of logits `z` with targets `t` in [0, 1]: `max(z, 0) - z t + log(1 + exp(-|z|))`, which
 * overflows nowhere; its derivative is `sigmoid(z) - t`. An element is accurate where `z > 0` as `t > 1/2`.
 */
export const binaryCrossEntropy = elementwiseLoss({
  metricNames: ['loss', 'accuracy'],
  derivative(builder, output, target) {
    return builder.op('Sub', [builder.op('Sigmoid', [output]), target]);
  },
  metrics(builder, output, target) {
    const magnitude = builder.op('Neg', [builder.op('Abs', [output])]);
    const linear = builder.op('Sub', [builder.op('Relu', [output]), builder.op('Mul', [output, target])]);
    const guess = builder.op('Greater', [output, builder.scalar(0)]);
    const truth = builder.op('Greater', [target, builder.scalar(0.5)]);
    const isRight = builder.op('Equal', [guess, truth]);
    return [
      { name: 'loss', value: builder.op('Add', [linear, builder.op('Softplus', [magnitude])]) },
      { name: 'accuracy', value: builder.op('Cast', [isRight], { to: int(dataTypeCode('float32')) }) },
    ];
  },
});
