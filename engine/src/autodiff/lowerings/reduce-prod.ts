import { intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { normalizeAxis } from '../../onnx/dimensions.js';
import { int, type Value } from '../../onnx/index.js';
import { knownNumbers, knownSize, type Lowering, operand, refuse } from './lowering.js';

/** Longest axis that is written out. */
const sizeMax = 256;

/** A product written out factor by factor: its gradient, unlike y/x, is right where factors are 0. */
export const lowerReduceProd: Lowering = (b, node, inputs) => {
  let x = operand(node, inputs, 0);
  const given = inputs[1] === undefined ? intsAttribute(node, 'axes') : knownNumbers(b, node, inputs[1]);
  const none = given === undefined || given.length === 0;
  if (none && intAttribute(node, 'noop_with_empty_axes', 0) !== 0) return [x];
  const axes = none
    ? x.shape.map((_, axis) => axis)
    : given.map((axis) => normalizeAxis(axis, x.shape.length));
  for (const axis of axes) {
    const size = knownSize(node, x, axis);
    if (size > sizeMax) refuse(node, `it multiplies ${size} elements`, 'sum logarithms instead');
    if (size === 1) continue;
    const parts = b.ops('Split', [x], size, { axis: int(axis), num_outputs: int(size) });
    x = parts.reduce((product: Value, part) => b.op('Mul', [product, part]));
  }
  return [intAttribute(node, 'keepdims', 1) !== 0 ? x : b.op('Squeeze', [x, b.ints(axes)])];
};

/** log Σx. */
export const lowerReduceLogSum: Lowering = (b, node, inputs) => [
  b.op('Log', [b.op('ReduceSum', [operand(node, inputs, 0), inputs[1]], node.attributes)]),
];
