import { intAttribute } from '../../onnx/attributes.js';
import { int } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient, unsupported } from '../context.js';
import { zerosLike } from '../expressions.js';

/** Puts the gradient of the chosen elements where they came from. */
export const topK: GradientRule = (context) => {
  const { builder: b } = context;
  const indices = context.outputs[1] ?? b.requireOutput(context.node, 1);
  if (context.gradients[1] !== undefined) unsupported(context, 'its indices have no gradient', 'cast them');
  const gradient = b.op(
    'ScatterElements',
    [zerosLike(b, input(context, 0)), indices, outputGradient(context)],
    { axis: int(intAttribute(context.node, 'axis', -1)) },
  );
  context.give(0, gradient);
};
