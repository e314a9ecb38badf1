import { type GradientRule, output, outputGradient } from '../context.js';
import { mul } from '../expressions.js';
import { positiveMask } from '../positive-mask.js';

/**
 * max(x, 0): the output is never negative, so where it is positive is the mask. Taking the output leaves ONNX Runtime free
 * to fuse the Relu into the convolution or matrix product before it.
 */
export const relu: GradientRule = (context) => {
  const { builder } = context;
  context.give(0, mul(builder, outputGradient(context), positiveMask(builder, output(context))));
};
