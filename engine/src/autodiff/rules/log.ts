import { type GradientRule, input, outputGradient } from '../context.js';
import { div } from '../expressions.js';

export const log: GradientRule = (context) => {
  context.give(0, div(context.builder, outputGradient(context), input(context, 0)));
};
