import { floatAttribute } from '../../onnx/attributes.js';
import { type GradientRule, output, outputGradient } from '../context.js';
import { add, addScalar, mul, scale } from '../expressions.js';
import { positiveMask } from '../positive-mask.js';

/** x where positive, α(eˣ - 1) elsewhere: the derivative is 1, or y + α. */
export const elu: GradientRule = (context) => {
  const { builder: b } = context;
  const y = output(context);
  const alpha = floatAttribute(context.node, 'alpha', 1);
  const negative = addScalar(b, b.op('Min', [y, b.scalar(0, y.dataType)]), alpha);
  const slope = alpha === 1 ? negative : add(b, negative, scale(b, positiveMask(b, y), 1 - alpha));
  context.give(0, mul(b, outputGradient(context), slope));
};
