import { type GradientRule, input, outputGradient } from '../context.js';
import { scale, sumTo } from '../expressions.js';

/** Each term gets the gradient, summed over the axes it was broadcast along. Also `Sum`, of any number of terms. */
export const add: GradientRule = (context) => {
  context.inputs.forEach((_, index) => {
    if (!context.needs(index)) return;
    context.give(index, sumTo(context.builder, outputGradient(context), input(context, index)));
  });
};

export const sub: GradientRule = (context) => {
  const { builder: b } = context;
  const dy = outputGradient(context);
  if (context.needs(0)) context.give(0, sumTo(b, dy, input(context, 0)));
  if (context.needs(1)) context.give(1, scale(b, sumTo(b, dy, input(context, 1)), -1));
};
