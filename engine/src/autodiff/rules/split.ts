import { intAttribute } from '../../onnx/attributes.js';
import { int } from '../../onnx/index.js';
import type { GradientRule } from '../context.js';
import { zerosLike } from '../expressions.js';

/** The parts' gradients joined; zeros for parts that nobody used. */
export const split: GradientRule = (context) => {
  const { builder: b } = context;
  const parts = context.outputs.flatMap((part, index) =>
    part === undefined ? [] : [context.gradients[index] ?? zerosLike(b, part)],
  );
  context.give(0, b.op('Concat', parts, { axis: int(intAttribute(context.node, 'axis', 0)) }));
};
