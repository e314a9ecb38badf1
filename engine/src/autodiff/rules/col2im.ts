import { intsAttribute } from '../../onnx/attributes.js';
import { int } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient, staticShape, unsupported } from '../context.js';
import { reshape } from '../expressions.js';
import { requireTable } from '../lowerings/lowering.js';

/**
 * `nn.Fold`: patches `[batch, channels × block, places]` are added up where they lie in the picture. So each element of a
 * patch takes the gradient of the pixel it went to, and those that went to the padding take that of a zero behind it.
 */
export const col2Im: GradientRule = (context) => {
  const { builder: b, node } = context;
  const x = input(context, 0);
  const known = (index: number): readonly number[] =>
    b.contentsOf(input(context, index))?.map(Number) ??
    unsupported(context, 'the sizes of its picture or block are not known', 'make them constants');
  const [sizes, block] = [known(1), known(2)];
  const gradient = outputGradient(context);
  const [channels] = staticShape(context, [gradient.shape[1]], 'the number of channels');
  const strides = intsAttribute(node, 'strides') ?? sizes.map(() => 1);
  const dilations = intsAttribute(node, 'dilations') ?? sizes.map(() => 1);
  const pads = intsAttribute(node, 'pads') ?? [...sizes, ...sizes].map(() => 0);
  const windows = sizes.map((size, axis) => {
    const padded = size + pads[axis] + pads[axis + sizes.length];
    return Math.floor((padded - dilations[axis] * (block[axis] - 1) - 1) / strides[axis]) + 1;
  });
  const pixels = sizes.reduce((product, size) => product * size, 1);
  const pixelAt = (offset: readonly number[], window: readonly number[]): number => {
    const place = sizes.map((_, i) => window[i] * strides[i] + offset[i] * dilations[i] - pads[i]);
    const isInside = place.every((at, axis) => at >= 0 && at < sizes[axis]);
    return isInside ? place.reduce((at, next, axis) => at * sizes[axis] + next, 0) : pixels;
  };
  requireTable(
    node,
    [...block, ...windows].reduce((product, size) => product * size, 1),
  );
  const taken = everyIndex(block).flatMap((offset) => everyIndex(windows).map((at) => pixelAt(offset, at)));
  const flat = reshape(b, gradient, [x.shape[0], channels, pixels]);
  const withZero = b.op('Pad', [flat, b.ints([0, 0, 0, 0, 0, 1])]);
  const patches = b.op('Gather', [withZero, b.ints(taken)], { axis: int(2) });
  context.give(0, reshape(b, patches, x.shape));
};

/** Every index into an array of that shape, the last axis fastest. */
function everyIndex(shape: readonly number[]): readonly (readonly number[])[] {
  return shape.reduce<readonly (readonly number[])[]>(
    (found, size) => found.flatMap((index) => Array.from({ length: size }, (_, at) => [...index, at])),
    [[]],
  );
}
