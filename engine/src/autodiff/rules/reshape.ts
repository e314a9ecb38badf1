import { type GradientRule, input, outputGradient } from '../context.js';
import { reshapeLike } from '../expressions.js';

/** The elements stay in order: `Reshape`, `Flatten`, `Squeeze` and `Unsqueeze` are undone by the old shape. */
export const reshape: GradientRule = (context) => {
  context.give(0, reshapeLike(context.builder, outputGradient(context), input(context, 0)));
};
