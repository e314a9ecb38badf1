import { type GradientRule, input, outputGradient } from '../context.js';
import { mul, scale } from '../expressions.js';

/** y′ = 2/√π · e^(-x²). */
export const erf: GradientRule = (context) => {
  const { builder: b } = context;
  const x = input(context, 0);
  const density = b.op('Exp', [scale(b, mul(b, x, x), -1)]);
  context.give(0, mul(b, outputGradient(context), scale(b, density, 2 / Math.sqrt(Math.PI))));
};
