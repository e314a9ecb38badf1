import { type GradientRule, output, outputGradient } from '../context.js';
import { mul } from '../expressions.js';

/**
 * max(x, 0): the output is never negative, so its sign is the mask. Taking the output leaves ONNX Runtime free
 * to fuse the Relu into the convolution or matrix product before it.
 */
export const relu: GradientRule = (context) => {
  const { builder } = context;
  context.give(0, mul(builder, outputGradient(context), builder.op('Sign', [output(context)])));
};
