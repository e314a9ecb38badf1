import { type GradientRule, output, outputGradient } from '../context.js';
import { mul, sub } from '../expressions.js';

/** y′ = 1 - y². */
export const tanh: GradientRule = (context) => {
  const { builder: b } = context;
  const y = output(context);
  context.give(0, mul(b, outputGradient(context), sub(b, b.scalar(1, y.dataType), mul(b, y, y))));
};
