import type { GraphBuilder, Value } from '../../onnx/index.js';
import { type GradientContext, type GradientRule, input, outputGradient } from '../context.js';
import { addScalar, mul, scale, sub, sumTo } from '../expressions.js';

/** The winner gets the gradient; at a tie both get half, as in PyTorch. */
function select(context: GradientContext, sign: 1 | -1): void {
  const { builder: b } = context;
  if (context.inputs.length !== 2) {
    // Pair by pair from the left.
    context.through(() => {
      const terms = context.inputs.map((_, index) => input(context, index));
      return [terms.reduce((x, y) => b.op(context.node.opType, [x, y]))];
    });
    return;
  }
  const [x, y] = [input(context, 0), input(context, 1)];
  const dz = outputGradient(context);
  if (context.needs(0)) context.give(0, sumTo(b, mul(b, dz, wins(b, x, y, sign)), x));
  if (context.needs(1)) context.give(1, sumTo(b, mul(b, dz, wins(b, y, x, sign)), y));
}

/** 1 where x wins over y, 0 where it loses, ½ at a tie. */
function wins(b: GraphBuilder, x: Value, y: Value, sign: 1 | -1): Value {
  return addScalar(b, scale(b, b.op('Sign', [sub(b, x, y)]), sign * 0.5), 0.5);
}

export const max: GradientRule = (context) => select(context, 1);
export const min: GradientRule = (context) => select(context, -1);
