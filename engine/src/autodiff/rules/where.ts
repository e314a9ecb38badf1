import { type GradientRule, input, outputGradient } from '../context.js';
import { sumTo } from '../expressions.js';

/** Each branch gets the gradient where it was chosen. Not a product with a mask: 0 · ∞ of the other branch is NaN. */
export const where: GradientRule = (context) => {
  const { builder: b } = context;
  const dy = outputGradient(context);
  const [condition, zero] = [input(context, 0), b.scalar(0, dy.dataType)];
  if (context.needs(1)) context.give(1, sumTo(b, b.op('Where', [condition, dy, zero]), input(context, 1)));
  if (context.needs(2)) context.give(2, sumTo(b, b.op('Where', [condition, zero, dy]), input(context, 2)));
};
