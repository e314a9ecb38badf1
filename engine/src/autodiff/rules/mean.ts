import { type GradientRule, input, outputGradient } from '../context.js';
import { scale, sumTo } from '../expressions.js';

/** The mean of any number of inputs: each gets its share. */
export const mean: GradientRule = (context) => {
  const { builder: b } = context;
  const share = scale(b, outputGradient(context), 1 / context.inputs.length);
  context.inputs.forEach((_, index) => {
    if (context.needs(index)) context.give(index, sumTo(b, share, input(context, index)));
  });
};
