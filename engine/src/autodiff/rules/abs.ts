import { type GradientRule, input, outputGradient } from '../context.js';
import { mul } from '../expressions.js';

/** The sign, and 0 at 0. */
export const abs: GradientRule = (context) => {
  const { builder: b } = context;
  context.give(0, mul(b, outputGradient(context), b.op('Sign', [input(context, 0)])));
};
