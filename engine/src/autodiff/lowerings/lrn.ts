import { floatAttribute, intAttribute } from '../../onnx/attributes.js';
import { int, ints } from '../../onnx/index.js';
import { knownShape, type Lowering, operand } from './lowering.js';

/** Krizhevsky et al. 2012: x / (bias + α/size · Σ x²)^β, the sum over neighbouring channels. */
export const lowerLrn: Lowering = (b, node, inputs) => {
  const x = operand(node, inputs, 0);
  const size = intAttribute(node, 'size', 1);
  const sizes = knownShape(node, { ...x, shape: x.shape.slice(1) });
  const positions = sizes.slice(1).reduce((n, s) => n * s, 1);
  // The channels as rows of an image, over which the mean with zeros counted in is the sum over `size`.
  const image = b.op('Reshape', [b.op('Mul', [x, x]), b.ints([0, 1, sizes[0], positions])]);
  const before = Math.floor((size - 1) / 2);
  const means = b.op('AveragePool', [image], {
    kernel_shape: ints([size, 1]),
    pads: ints([before, 0, size - 1 - before, 0]),
    count_include_pad: int(1),
  });
  const back = b.op('Reshape', [means, b.ints([0, ...sizes])]);
  const scaled = b.op('Mul', [back, b.scalar(floatAttribute(node, 'alpha', 1e-4))]);
  const base = b.op('Add', [scaled, b.scalar(floatAttribute(node, 'bias', 1))]);
  const divisor = b.op('Pow', [base, b.scalar(floatAttribute(node, 'beta', 0.75))]);
  return [b.op('Div', [x, divisor])];
};
