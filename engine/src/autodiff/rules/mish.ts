import { type GradientRule, input, outputGradient } from '../context.js';
import { add, mul, sub } from '../expressions.js';

/** Misra 2019: x · t with t = tanh(softplus(x)); the derivative is t + x(1 - t²)σ(x). */
export const mish: GradientRule = (context) => {
  const { builder: b } = context;
  const x = input(context, 0);
  const t = b.op('Tanh', [b.op('Softplus', [x])]);
  const rise = mul(b, sub(b, b.scalar(1, x.dataType), mul(b, t, t)), b.op('Sigmoid', [x]));
  context.give(0, mul(b, outputGradient(context), add(b, t, mul(b, x, rise))));
};
