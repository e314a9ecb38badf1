import { type GradientRule, output, outputGradient } from '../context.js';
import { mul, sub } from '../expressions.js';

/** y′ = y(1 - y). */
export const sigmoid: GradientRule = (context) => {
  const { builder: b } = context;
  const y = output(context);
  context.give(0, mul(b, outputGradient(context), sub(b, y, mul(b, y, y))));
};
