import { stringAttribute } from '../../onnx/attributes.js';
import type { GraphBuilder, Value } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient } from '../context.js';
import { add, addScalar, mul, scale, sub } from '../expressions.js';

/** Hendrycks and Gimpel 2016: x·Φ(x), and its approximation by tanh. */
export const gelu: GradientRule = (context) => {
  const x = input(context, 0);
  const tanh = stringAttribute(context.node, 'approximate', 'none') === 'tanh';
  const slope = tanh ? tanhSlope(context.builder, x) : exactSlope(context.builder, x);
  context.give(0, mul(context.builder, outputGradient(context), slope));
};

/** Φ(x) + x·φ(x). */
function exactSlope(b: GraphBuilder, x: Value): Value {
  const erf = b.op('Erf', [scale(b, x, Math.SQRT1_2)]);
  const distribution = scale(b, addScalar(b, erf, 1), 0.5);
  const density = scale(b, b.op('Exp', [scale(b, mul(b, x, x), -0.5)]), 1 / Math.sqrt(2 * Math.PI));
  return add(b, distribution, mul(b, x, density));
}

/** With t = tanh(u), u = √(2/π)(x + 0.044715x³): ½(1 + t) + ½x(1 - t²)u′. */
function tanhSlope(b: GraphBuilder, x: Value): Value {
  const root = Math.sqrt(2 / Math.PI);
  const square = mul(b, x, x);
  const u = mul(b, scale(b, x, root), addScalar(b, scale(b, square, 0.044715), 1));
  const t = b.op('Tanh', [u]);
  const du = addScalar(b, scale(b, square, 3 * 0.044715 * root), root);
  const rise = mul(b, mul(b, scale(b, x, 0.5), sub(b, b.scalar(1, x.dataType), mul(b, t, t))), du);
  return add(b, scale(b, addScalar(b, t, 1), 0.5), rise);
}
