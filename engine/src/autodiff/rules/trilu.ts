import { type GradientRule, outputGradient } from '../context.js';

/** The triangle that was kept. */
export const trilu: GradientRule = (context) => {
  const { builder: b, node } = context;
  context.give(0, b.op('Trilu', [outputGradient(context), context.inputs[1]], node.attributes));
};
