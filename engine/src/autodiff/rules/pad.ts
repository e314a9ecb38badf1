import { stringAttribute } from '../../onnx/attributes.js';
import { type GradientRule, input, outputGradient, unsupported } from '../context.js';
import { scale } from '../expressions.js';
import { lowerPad } from '../lowerings/pad.js';

/** Cuts off what was added: padding by the negative amounts, which also puts zeros where it had cut. */
export const pad: GradientRule = (context) => {
  const { builder: b, node } = context;
  if (stringAttribute(node, 'mode', 'constant') !== 'constant') {
    context.through(() => lowerPad(b, node, context.inputs));
    return;
  }
  if (context.needs(2)) unsupported(context, 'its value depends on a parameter', 'pad with a constant');
  const amounts = input(context, 1);
  const contents = b.contentsOf(amounts);
  const negative = contents ? b.ints(contents.map((amount) => -Number(amount))) : scale(b, amounts, -1);
  context.give(0, b.op('Pad', [outputGradient(context), negative, undefined, context.inputs[3]]));
};
