import { intAttribute, intsAttribute, stringAttribute } from '../../onnx/attributes.js';
import { int, ints } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient, staticShape, unsupported } from '../context.js';
import { reduceSum } from '../expressions.js';
import { weightGradient } from './conv.js';

/**
 * The adjoint of a convolution that slides over the output: the input's gradient is that convolution, and the
 * weights' is the convolution's with input and output in each other's place.
 */
export const convTranspose: GradientRule = (context) => {
  const { builder: b, node } = context;
  if (
    stringAttribute(node, 'auto_pad', 'NOTSET') !== 'NOTSET' ||
    intsAttribute(node, 'output_shape') !== undefined
  ) {
    unsupported(context, 'its padding follows from the output', 'give its pads');
  }
  const [x, w] = [input(context, 0), input(context, 1)];
  const dy = outputGradient(context);
  const kernel = staticShape(context, w.shape, 'the kernel').slice(2);
  const strides = intsAttribute(node, 'strides') ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, 'dilations') ?? kernel.map(() => 1);
  const pads = intsAttribute(node, 'pads') ?? kernel.flatMap(() => [0, 0]);
  if (context.needs(0)) {
    const gradient = b.op('Conv', [dy, w], {
      kernel_shape: ints(kernel),
      strides: ints(strides),
      dilations: ints(dilations),
      pads: ints(pads),
      group: int(intAttribute(node, 'group', 1)),
    });
    context.give(0, gradient);
  }
  if (context.needs(1)) {
    const [padsBegin, padsEnd] = [pads.slice(0, kernel.length), pads.slice(kernel.length)];
    const geometry = { kernel, strides, dilations, padsBegin, padsEnd, output: x.shape.slice(2) };
    context.give(1, weightGradient(context, geometry, { image: dy, response: x }));
  }
  if (context.needs(2)) {
    const axes = dy.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
    context.give(2, reduceSum(b, dy, axes, false));
  }
};
