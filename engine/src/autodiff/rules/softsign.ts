import { type GradientRule, input, outputGradient } from '../context.js';
import { addScalar, div, mul } from '../expressions.js';

/** x / (1 + |x|): the derivative is 1 / (1 + |x|)². */
export const softsign: GradientRule = (context) => {
  const { builder: b } = context;
  const root = addScalar(b, b.op('Abs', [input(context, 0)]), 1);
  context.give(0, div(b, outputGradient(context), mul(b, root, root)));
};
