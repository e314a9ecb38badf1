import { intAttribute, intsAttribute } from '../../onnx/attributes.js';
import type { GraphBuilder, Value } from '../../onnx/index.js';
import { int } from '../../onnx/index.js';
import { type Lowering, operand, refuse } from './lowering.js';

const power = (b: GraphBuilder, x: Value, p: number): Value => {
  if (p === 1) return b.op('Abs', [x]);
  return p === 2 ? b.op('Mul', [x, x]) : b.op('Pow', [b.op('Abs', [x]), b.scalar(p)]);
};

const root = (b: GraphBuilder, x: Value, p: number): Value => {
  if (p === 1) return x;
  return p === 2 ? b.op('Sqrt', [x]) : b.op('Pow', [x, b.scalar(1 / p)]);
};

/** (Σ |x|ᵖ)^(1/p) over each window: the average with zeros counted in, times the window's size. */
export const lowerLpPool: Lowering = (b, node, inputs) => {
  const p = intAttribute(node, 'p', 2);
  const kernel = intsAttribute(node, 'kernel_shape') ?? refuse(node, 'it has no kernel_shape', 'give one');
  if (intAttribute(node, 'ceil_mode', 0) !== 0) refuse(node, 'it rounds its size up', 'pad instead');
  const { p: _order, ceil_mode: _mode, ...window } = node.attributes;
  const means = b.op('AveragePool', [power(b, operand(node, inputs, 0), p)], {
    ...window,
    count_include_pad: int(1),
  });
  const sums = b.op('Mul', [means, b.scalar(kernel.reduce((n, size) => n * size, 1))]);
  return [root(b, sums, p)];
};

/** The same over the whole image. */
export const lowerGlobalLpPool: Lowering = (b, node, inputs) => {
  const x = operand(node, inputs, 0);
  const p = intAttribute(node, 'p', 2);
  const axes = x.shape.flatMap((_, axis) => (axis < 2 ? [] : [axis]));
  return [root(b, b.op('ReduceSum', [power(b, x, p), b.ints(axes)], { keepdims: int(1) }), p)];
};
