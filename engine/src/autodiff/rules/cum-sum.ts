import { intAttribute } from '../../onnx/attributes.js';
import { int } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient } from '../context.js';

/** Every element is in the sums that come after it: the same sum from the other end. */
export const cumSum: GradientRule = (context) => {
  const { builder: b, node } = context;
  const reverse = int(1 - intAttribute(node, 'reverse', 0));
  const exclusive = int(intAttribute(node, 'exclusive', 0));
  context.give(0, b.op('CumSum', [outputGradient(context), input(context, 1)], { reverse, exclusive }));
};
