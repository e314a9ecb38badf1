import { type GradientRule, input, outputGradient } from '../context.js';
import { mul } from '../expressions.js';

/** log(1 + eˣ): the derivative is the logistic function. */
export const softplus: GradientRule = (context) => {
  const { builder: b } = context;
  context.give(0, mul(b, outputGradient(context), b.op('Sigmoid', [input(context, 0)])));
};
