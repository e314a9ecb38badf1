import { floatAttribute } from '../../onnx/attributes.js';
import type { GraphBuilder, Value } from '../../onnx/index.js';
import { type GradientRule, input, output, outputGradient } from '../context.js';
import { add, mul, scale, sub } from '../expressions.js';

/** 1 where a clipped value lies strictly between 0 and 1, 0 at the bounds, as in PyTorch. */
function inside(b: GraphBuilder, y: Value): Value {
  return b.op('Sign', [mul(b, y, sub(b, b.scalar(1, y.dataType), y))]);
}

/** αx + β clipped to [0, 1]. */
export const hardSigmoid: GradientRule = (context) => {
  const { builder: b } = context;
  const slope = scale(b, inside(b, output(context)), floatAttribute(context.node, 'alpha', 0.2));
  context.give(0, mul(b, outputGradient(context), slope));
};

/** x · h(x) with h(x) = x/6 + ½ clipped (Howard et al. 2019): the derivative is h + x · h′. */
export const hardSwish: GradientRule = (context) => {
  const { builder: b } = context;
  const x = input(context, 0);
  const line = add(b, scale(b, x, 1 / 6), b.scalar(0.5, x.dataType));
  const h = b.op('Clip', [line, b.scalar(0, x.dataType), b.scalar(1, x.dataType)]);
  const slope = add(b, h, mul(b, scale(b, x, 1 / 6), inside(b, h)));
  context.give(0, mul(b, outputGradient(context), slope));
};
