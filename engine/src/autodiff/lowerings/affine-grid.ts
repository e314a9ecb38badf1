/** Grids of places under a linear map: what a spatial transformer (Jaderberg et al. 2015) samples at. */
import { intAttribute } from '../../onnx/attributes.js';
import { tensorOf } from '../../onnx/index.js';
import { reshape, transposeMatrix } from '../expressions.js';
import { knownNumbers, type Lowering, operand, requireTable } from './lowering.js';

/**
 * `theta` `[batch, axes, axes + 1]` applied to every place of a picture `[batch, channels, …sizes]`, the last axis's
 * coordinate first, gives `[batch, …sizes, axes]`. A place is -1 to 1 over the picture: from edge to edge, or from the middle
 * of the first element to that of the last where corners are aligned.
 */
export const lowerAffineGrid: Lowering = (b, node, inputs) => {
  const theta = operand(node, inputs, 0);
  const sizes = knownNumbers(b, node, operand(node, inputs, 1)).slice(2);
  const aligned = intAttribute(node, 'align_corners', 0) !== 0;
  const coordinate = (at: number, size: number): number => {
    if (!aligned) return (2 * at + 1) / size - 1;
    return size > 1 ? (2 * at) / (size - 1) - 1 : 0;
  };
  const count = sizes.reduce((product, size) => product * size, 1);
  requireTable(node, count * (sizes.length + 1));
  const places = Array.from({ length: count }, (_, position) => {
    let rest = position;
    const found = sizes.toReversed().map((size) => {
      const at = rest % size;
      rest = Math.floor(rest / size);
      return coordinate(at, size);
    });
    return [...found, 1];
  });
  const base = b.constant(tensorOf('float32', [count, sizes.length + 1], places.flat()), 'places');
  const grid = b.op('MatMul', [base, transposeMatrix(b, theta)]);
  return [reshape(b, grid, [theta.shape[0], ...sizes, sizes.length])];
};
