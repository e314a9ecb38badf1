import { stringAttribute } from '../../onnx/attributes.js';
import { float, type GraphBuilder, type Value } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient } from '../context.js';
import { add, addScalar, mul, scale, sub } from '../expressions.js';

/** Hendrycks and Gimpel 2016: x·Φ(x), and its approximation by tanh. */
export const gelu: GradientRule = (context) => {
  const x = input(context, 0);
  const tanh = stringAttribute(context.node, 'approximate', 'none') === 'tanh';
  const slope = tanh ? tanhSlope(context.builder, x) : exactSlope(context.builder, x);
  context.give(0, mul(context.builder, outputGradient(context), slope));
};

/**
 * Φ(x) + x·φ(x). With u = x/√2 these are ½ + ½erf(u) and u·exp(-ln √π - u²). Erf stays between -1 and 1, where
 * HardSigmoid is the straight line ½z + ½ in one operator.
 */
function exactSlope(b: GraphBuilder, x: Value): Value {
  const u = scale(b, x, Math.SQRT1_2);
  const half = float(0.5);
  const distribution = b.op('HardSigmoid', [b.op('Erf', [u])], { alpha: half, beta: half });
  const exponent = sub(b, b.scalar(-Math.log(Math.PI) / 2, x.dataType), mul(b, u, u));
  return add(b, distribution, mul(b, u, b.op('Exp', [exponent])));
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
