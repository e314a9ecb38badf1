import { intAttribute } from '../../onnx/attributes.js';
import { normalizeAxis } from '../../onnx/dimensions.js';
import { type GradientRule, output, outputGradient } from '../context.js';
import { mul, reduceSum, sub } from '../expressions.js';

/** dx = dy - e^y · Σ dy, the sum along the axis. */
export const logSoftmax: GradientRule = (context) => {
  const { builder: b } = context;
  const [y, dy] = [output(context), outputGradient(context)];
  const axis = normalizeAxis(intAttribute(context.node, 'axis', -1), y.shape.length);
  context.give(0, sub(b, dy, mul(b, b.op('Exp', [y]), reduceSum(b, dy, [axis], true))));
};
