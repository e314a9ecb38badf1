import { type GradientRule, input, output, outputGradient } from '../context.js';
import * as expressions from '../expressions.js';

/** With z = x / y: dx = dz / y, dy = -(dz / y)·z. */
export const div: GradientRule = (context) => {
  const { builder: b } = context;
  const [x, y] = [input(context, 0), input(context, 1)];
  const ratio = expressions.div(b, outputGradient(context), y);
  if (context.needs(0)) context.give(0, expressions.sumTo(b, ratio, x));
  if (context.needs(1)) {
    const slope = expressions.mul(b, ratio, output(context));
    context.give(1, expressions.scale(b, expressions.sumTo(b, slope, y), -1));
  }
};
