import { floatAttribute } from '../../onnx/attributes.js';
import { type GradientRule, input, outputGradient } from '../context.js';
import { add, mul, scale } from '../expressions.js';
import { positiveMask } from '../positive-mask.js';

/** Klambauer et al. 2017: γx where positive, γα(eˣ - 1) elsewhere; the derivative is γ, or γαeˣ. */
export const selu: GradientRule = (context) => {
  const { builder: b } = context;
  const x = input(context, 0);
  const alpha = floatAttribute(context.node, 'alpha', 1.6732632423543772);
  const gamma = floatAttribute(context.node, 'gamma', 1.0507009873554805);
  const exponential = b.op('Exp', [b.op('Min', [x, b.scalar(0, x.dataType)])]);
  const slope = add(
    b,
    scale(b, exponential, gamma * alpha),
    scale(b, positiveMask(b, x), gamma * (1 - alpha)),
  );
  context.give(0, mul(b, outputGradient(context), slope));
};
