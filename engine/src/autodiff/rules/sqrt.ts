import { type GradientRule, output, outputGradient } from '../context.js';
import { div, scale } from '../expressions.js';

/** y′ = 1 / 2y. */
export const sqrt: GradientRule = (context) => {
  const { builder: b } = context;
  context.give(0, scale(b, div(b, outputGradient(context), output(context)), 0.5));
};
