import { intAttribute } from '../../onnx/attributes.js';
import { normalizeAxis } from '../../onnx/dimensions.js';
import { type GradientRule, output, outputGradient } from '../context.js';
import { mul, reduceSum, sub } from '../expressions.js';

/** dx = y ⊙ (dy - Σ dy ⊙ y), the sum along the axis. */
export const softmax: GradientRule = (context) => {
  const { builder: b } = context;
  const [y, dy] = [output(context), outputGradient(context)];
  const axis = normalizeAxis(intAttribute(context.node, 'axis', -1), y.shape.length);
  context.give(0, mul(b, y, sub(b, dy, reduceSum(b, mul(b, dy, y), [axis], true))));
};
