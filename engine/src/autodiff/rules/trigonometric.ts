import { type GradientRule, input, outputGradient } from '../context.js';
import { mul, scale } from '../expressions.js';

export const sin: GradientRule = (context) => {
  const { builder: b } = context;
  context.give(0, mul(b, outputGradient(context), b.op('Cos', [input(context, 0)])));
};

export const cos: GradientRule = (context) => {
  const { builder: b } = context;
  context.give(0, scale(b, mul(b, outputGradient(context), b.op('Sin', [input(context, 0)])), -1));
};
