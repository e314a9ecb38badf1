import { floatAttribute } from '../../onnx/attributes.js';
import { type GradientRule, input, output, outputGradient } from '../context.js';
import { addScalar, mul, scale } from '../expressions.js';
import { positiveMask } from '../positive-mask.js';

/** x where positive, αx elsewhere: the derivative is α + (1 - α)·[x > 0]. With α > 0 the output has the sign of x. */
export const leakyRelu: GradientRule = (context) => {
  const { builder: b } = context;
  const alpha = floatAttribute(context.node, 'alpha', 0.01);
  const positive = positiveMask(b, alpha > 0 ? output(context) : input(context, 0));
  context.give(0, mul(b, outputGradient(context), addScalar(b, scale(b, positive, 1 - alpha), alpha)));
};
