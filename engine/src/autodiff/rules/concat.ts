import { intAttribute } from '../../onnx/attributes.js';
import { normalizeAxis } from '../../onnx/dimensions.js';
import { type GradientRule, input, outputGradient, staticShape } from '../context.js';

/** Each part gets its slice. */
export const concat: GradientRule = (context) => {
  const { builder: b } = context;
  const dy = outputGradient(context);
  const axis = normalizeAxis(intAttribute(context.node, 'axis', 0), dy.shape.length);
  let start = 0;
  context.inputs.forEach((_, index) => {
    const [size] = staticShape(context, [input(context, index).shape[axis]], 'the joined axis');
    if (context.needs(index)) {
      context.give(index, b.op('Slice', [dy, b.ints([start]), b.ints([start + size]), b.ints([axis])]));
    }
    start += size;
  });
};
