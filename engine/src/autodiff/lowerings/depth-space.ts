import { intAttribute, stringAttribute } from '../../onnx/attributes.js';
import { ints } from '../../onnx/index.js';
import { knownShape, type Lowering, operand } from './lowering.js';

/** Shi et al. 2016: channels become blocks of pixels. */
export const lowerDepthToSpace: Lowering = (b, node, inputs) => {
  const x = operand(node, inputs, 0);
  const size = intAttribute(node, 'blocksize', 1);
  const [channels, height, width] = knownShape(node, { ...x, shape: x.shape.slice(1) });
  const rest = channels / size ** 2;
  const first = stringAttribute(node, 'mode', 'DCR') === 'DCR';
  const apart = first ? [size, size, rest] : [rest, size, size];
  const split = b.op('Reshape', [x, b.ints([0, ...apart, height, width])]);
  const moved = b.op('Transpose', [split], { perm: ints(first ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]) });
  return [b.op('Reshape', [moved, b.ints([0, rest, height * size, width * size])])];
};

/** The inverse: blocks of pixels become channels. */
export const lowerSpaceToDepth: Lowering = (b, node, inputs) => {
  const x = operand(node, inputs, 0);
  const size = intAttribute(node, 'blocksize', 1);
  const [channels, height, width] = knownShape(node, { ...x, shape: x.shape.slice(1) });
  const split = b.op('Reshape', [x, b.ints([0, channels, height / size, size, width / size, size])]);
  const moved = b.op('Transpose', [split], { perm: ints([0, 3, 5, 1, 2, 4]) });
  return [b.op('Reshape', [moved, b.ints([0, channels * size ** 2, height / size, width / size])])];
};
