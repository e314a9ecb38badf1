import { type GradientRule, outputGradient } from '../context.js';
import { scale } from '../expressions.js';

export const neg: GradientRule = (context) => {
  context.give(0, scale(context.builder, outputGradient(context), -1));
};
