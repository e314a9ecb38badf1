import { floatAttribute } from '../../onnx/attributes.js';
import type { Value } from '../../onnx/index.js';
import { type GradientContext, type GradientRule, input, outputGradient } from '../context.js';
import { addScalar, mul, reduceMean, reduceSum, reshape, sub } from '../expressions.js';

/**
 * Ulyanov et al. 2016: like layer normalisation, over the spatial axes of each channel, scaled by channel. The
 * operator gives no statistics, so they are computed again.
 */
export const instanceNormalization: GradientRule = (context) => {
  const { builder: b, node } = context;
  const x = input(context, 0);
  const dy = outputGradient(context);
  const axes = x.shape.map((_, axis) => axis).slice(2);
  const centred = sub(b, x, reduceMean(b, x, axes));
  const variance = reduceMean(b, mul(b, centred, centred), axes);
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const inverse = b.op('Reciprocal', [b.op('Sqrt', [addScalar(b, variance, epsilon)])]);
  const normalized = mul(b, centred, inverse);
  if (context.needs(0)) {
    const g = mul(b, dy, perChannel(context, input(context, 1)));
    const projection = mul(b, normalized, reduceMean(b, mul(b, g, normalized), axes));
    context.give(0, mul(b, sub(b, sub(b, g, reduceMean(b, g, axes)), projection), inverse));
  }
  const others = [0, ...axes];
  if (context.needs(1)) context.give(1, reduceSum(b, mul(b, dy, normalized), others, false));
  if (context.needs(2)) context.give(2, reduceSum(b, dy, others, false));
};

function perChannel(context: GradientContext, value: Value): Value {
  const spatial = input(context, 0).shape.slice(2);
  return reshape(context.builder, value, [...value.shape, ...spatial.map(() => 1)]);
}
