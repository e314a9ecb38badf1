import { floatAttribute, intAttribute } from '../../onnx/attributes.js';
import type { Value } from '../../onnx/index.js';
import { type GradientContext, type GradientRule, input, outputGradient, unsupported } from '../context.js';
import { addScalar, mul, reduceSum, reshape, sub } from '../expressions.js';

/** In inference form, with stored statistics: an affine map of each channel (Ioffe and Szegedy 2015). */
export const batchNormalization: GradientRule = (context) => {
  const { builder: b, node } = context;
  if (intAttribute(node, 'training_mode', 0) !== 0 || context.needs(3) || context.needs(4)) {
    unsupported(context, 'it uses statistics of the batch', 'use group or layer normalisation to train');
  }
  const x = input(context, 0);
  const dy = outputGradient(context);
  const deviation = b.op('Sqrt', [addScalar(b, input(context, 4), floatAttribute(node, 'epsilon', 1e-5))]);
  const inverse = b.op('Reciprocal', [deviation]);
  const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  if (context.needs(0)) {
    context.give(0, mul(b, dy, perChannel(context, mul(b, input(context, 1), inverse))));
  }
  if (context.needs(1)) {
    const centred = sub(b, x, perChannel(context, input(context, 3)));
    context.give(1, mul(b, reduceSum(b, mul(b, dy, centred), axes, false), inverse));
  }
  if (context.needs(2)) context.give(2, reduceSum(b, dy, axes, false));
};

/** `[C]` as `[C, 1, …]`, which broadcasts along the channels. */
function perChannel(context: GradientContext, value: Value): Value {
  const spatial = input(context, 0).shape.slice(2);
  return reshape(context.builder, value, [...value.shape, ...spatial.map(() => 1)]);
}
