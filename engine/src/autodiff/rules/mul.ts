import { type GradientRule, input, outputGradient } from '../context.js';
import * as expressions from '../expressions.js';

/** d(xy) = y dx + x dy. */
export const mul: GradientRule = (context) => {
  const { builder: b } = context;
  const [x, y] = [input(context, 0), input(context, 1)];
  const dz = outputGradient(context);
  if (context.needs(0)) context.give(0, expressions.sumTo(b, expressions.mul(b, dz, y), x));
  if (context.needs(1)) context.give(1, expressions.sumTo(b, expressions.mul(b, dz, x), y));
};
