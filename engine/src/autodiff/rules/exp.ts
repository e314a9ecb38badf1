import { type GradientRule, output, outputGradient } from '../context.js';
import { mul } from '../expressions.js';

export const exp: GradientRule = (context) => {
  context.give(0, mul(context.builder, outputGradient(context), output(context)));
};
