import { intsAttribute } from '../../onnx/attributes.js';
import { type GradientRule, input, outputGradient } from '../context.js';
import * as expressions from '../expressions.js';

export const transpose: GradientRule = (context) => {
  const rank = input(context, 0).shape.length;
  const order =
    intsAttribute(context.node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const inverse = order.map((_, axis) => order.indexOf(axis));
  context.give(0, expressions.transpose(context.builder, outputGradient(context), inverse));
};
