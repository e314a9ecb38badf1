import { type GradientRule, output, outputGradient } from '../context.js';
import { mul, scale } from '../expressions.js';

/** y′ = -y². */
export const reciprocal: GradientRule = (context) => {
  const { builder: b } = context;
  const y = output(context);
  context.give(0, scale(b, mul(b, outputGradient(context), mul(b, y, y)), -1));
};
