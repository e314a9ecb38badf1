import { type GradientRule, input, output, outputGradient, staticShape } from '../context.js';
import { div, expandLike, mul, reduceSum, scale, sub } from '../expressions.js';
import { zeroMask } from '../positive-mask.js';

export const globalAveragePool: GradientRule = (context) => {
  const { builder: b } = context;
  const x = input(context, 0);
  const spatial = staticShape(context, x.shape.slice(2), 'the image');
  const count = spatial.reduce((total, size) => total * size, 1);
  context.give(0, expandLike(b, scale(b, outputGradient(context), 1 / count), x));
};

/** Elements equal to the maximum share its gradient. */
export const globalMaxPool: GradientRule = (context) => {
  const { builder: b } = context;
  const x = input(context, 0);
  const axes = x.shape.map((_, axis) => axis).slice(2);
  const isMaximum = zeroMask(b, sub(b, x, output(context)));
  const share = div(b, outputGradient(context), reduceSum(b, isMaximum, axes, true));
  context.give(0, mul(b, isMaximum, share));
};
