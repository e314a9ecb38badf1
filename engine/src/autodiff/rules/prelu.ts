import { type GradientRule, input, outputGradient } from '../context.js';
import { add, mul, sub, sumTo } from '../expressions.js';
import { positiveMask } from '../positive-mask.js';

/** He et al. 2015: x where positive, slope · x elsewhere; the slope learns from the negative part of x. */
export const prelu: GradientRule = (context) => {
  const { builder: b } = context;
  const [x, slope] = [input(context, 0), input(context, 1)];
  const dy = outputGradient(context);
  if (context.needs(0)) {
    const mask = positiveMask(b, x);
    const rest = sub(b, b.scalar(1, x.dataType), mask);
    context.give(0, mul(b, dy, add(b, mask, mul(b, rest, slope))));
  }
  if (context.needs(1)) {
    const negative = b.op('Min', [x, b.scalar(0, x.dataType)]);
    context.give(1, sumTo(b, mul(b, dy, negative), slope));
  }
};
