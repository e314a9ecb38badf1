import { floatAttribute } from '../../onnx/attributes.js';
import { type GradientRule, input, outputGradient } from '../context.js';
import { mul, scale } from '../expressions.js';

/** x where positive, α(e^(x/α) - 1) elsewhere (Barron 2017): e^(min(x, 0)/α) is the derivative on both sides. */
export const celu: GradientRule = (context) => {
  const { builder: b } = context;
  const x = input(context, 0);
  const negative = b.op('Min', [x, b.scalar(0, x.dataType)]);
  const slope = b.op('Exp', [scale(b, negative, 1 / floatAttribute(context.node, 'alpha', 1))]);
  context.give(0, mul(b, outputGradient(context), slope));
};
