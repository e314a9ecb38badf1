import { intAttribute } from '../../onnx/attributes.js';
import { int, ints, type Value } from '../../onnx/index.js';
import { type WindowGeometry, windowGeometry } from '../../onnx/window-geometry.js';
import { type GradientContext, type GradientRule, input, outputGradient, staticShape } from '../context.js';
import { reduceSum, reshape, transpose, transposeMatrix } from '../expressions.js';

/** Up to this many channels a group, the parts of the input are joined: it gains with 1 and 6, and loses with 32. */
const joinedChannelsMax = 6;

/** Convolution of any number of spatial axes, with stride, padding, dilation and groups. */
export const conv: GradientRule = (context) => {
  const { builder: b } = context;
  const [x, w] = [input(context, 0), input(context, 1)];
  const spatial = staticShape(context, x.shape.slice(2), 'the image');
  const kernel = staticShape(context, w.shape, 'the kernel').slice(2);
  const geometry = windowGeometry(context.node, spatial, kernel);
  if (context.needs(0)) context.give(0, inputGradient(context, geometry, spatial));
  if (context.needs(1)) {
    context.give(1, weightGradient(context, geometry, { image: x, response: outputGradient(context) }));
  }
  if (context.needs(2)) {
    const dy = outputGradient(context);
    const axes = dy.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
    context.give(2, reduceSum(b, dy, axes, false));
  }
};

/** `ConvTranspose` is the adjoint of `Conv`; measured twice as fast as a convolution with turned weights. */
function inputGradient(
  context: GradientContext,
  { kernel, strides, dilations, padsBegin, padsEnd, output }: WindowGeometry,
  spatial: readonly number[],
): Value {
  const sizes = staticShape(context, output, 'the output');
  // What a stride larger than 1 left over at the end of the image.
  const outputPadding = spatial.map((size, axis) => {
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    return size + padsBegin[axis] + padsEnd[axis] - reach - (sizes[axis] - 1) * strides[axis];
  });
  return context.builder.op('ConvTranspose', [outputGradient(context), input(context, 1)], {
    kernel_shape: ints(kernel),
    strides: ints(strides),
    dilations: ints(dilations),
    pads: ints([...padsBegin, ...padsEnd]),
    group: int(intAttribute(context.node, 'group', 1)),
    output_padding: ints(outputPadding),
  });
}

/** What a kernel slides over, and the gradient (or for a transposed convolution the input) at its positions. */
export interface ConvolutionEnds {
  readonly image: Value;
  readonly response: Value;
}

/**
 * For each offset in the kernel, the part of the padded input that met this weight, times the output's gradient:
 * a batched matrix product, summed over the batch. With many channels every offset has a product of its own, for
 * a tensor of patches would cost more than it saves; with few these would be thin, so the parts are joined.
 */
export function weightGradient(
  context: GradientContext,
  geometry: WindowGeometry,
  { image, response }: ConvolutionEnds,
): Value {
  const { builder: b } = context;
  const w = input(context, 1);
  const [filters, channels, ...kernel] = staticShape(context, w.shape, 'the kernel');
  const group = intAttribute(context.node, 'group', 1);
  const sizes = staticShape(context, geometry.output, 'the output');
  if (channels === 1 && filters === group && group > 1) {
    return depthwiseWeightGradient(context, partsMet(context, image, geometry, sizes), response, w);
  }
  const dy = byGroup(context, response, sizes);
  const parts = partsMet(context, image, geometry, sizes).map((part) => byGroup(context, part, sizes));
  const together = channels <= joinedChannelsMax && parts.length > 1;
  const operands = together ? [b.op('Concat', parts, { axis: int(group === 1 ? 1 : 2) })] : parts;
  // Each [1, (group,) filters of a group, (offsets ·) channels].
  const products = operands.map((operand) =>
    reduceSum(b, b.op('MatMul', [dy, transposeMatrix(b, operand)]), [0], true),
  );
  const offsets = kernel.reduce((count, size) => count * size, 1);
  if (together) {
    const apart = reshape(b, products[0], [filters, offsets, channels]);
    return reshape(b, transpose(b, apart, [0, 2, 1]), w.shape);
  }
  const stacked = products.length === 1 ? products[0] : b.op('Concat', products, { axis: int(0) });
  const apart = reshape(b, stacked, [offsets, filters, channels]);
  return reshape(b, transpose(b, apart, [1, 2, 0]), w.shape);
}

/**
 * One filter for each channel: a product element by element, summed. As matrix products these would have one row each;
 * on images of 32, 16, 4 and 2 pixels a side that took 1.2 to 1.4 times as long.
 */
function depthwiseWeightGradient(
  context: GradientContext,
  parts: readonly Value[],
  response: Value,
  w: Value,
): Value {
  const { builder: b } = context;
  const axes = response.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const sums = parts.map((part) => reduceSum(b, b.op('Mul', [part, response]), axes, true));
  const joined = sums.length === 1 ? sums[0] : b.op('Concat', sums, { axis: int(2) });
  // [1, channels, offsets, 1, …]
  return reshape(b, joined, w.shape);
}

/** The parts of the padded input that met each weight of the kernel, in the kernel's row-major order. */
function partsMet(
  context: GradientContext,
  image: Value,
  geometry: WindowGeometry,
  sizes: readonly number[],
): readonly Value[] {
  const { builder: b } = context;
  const { kernel, strides, dilations } = geometry;
  const axes = kernel.map((_, axis) => axis + 2);
  const padded = pad(context, image, geometry);
  return offsetsOf(kernel).map((offset) => {
    const starts = offset.map((at, axis) => at * dilations[axis]);
    const ends = starts.map((start, axis) => start + (sizes[axis] - 1) * strides[axis] + 1);
    return isWhole(padded, starts, ends, strides)
      ? padded
      : b.op('Slice', [padded, b.ints(starts), b.ints(ends), b.ints(axes), b.ints(strides)]);
  });
}

function isWhole(
  x: Value,
  starts: readonly number[],
  ends: readonly number[],
  strides: readonly number[],
): boolean {
  return starts.every(
    (start, axis) => start === 0 && ends[axis] === x.shape[axis + 2] && strides[axis] === 1,
  );
}

/** `[N, C, …]` as `[N, C, positions]`, or `[N, group, C/group, positions]`. */
function byGroup(context: GradientContext, x: Value, sizes: readonly number[]): Value {
  const group = intAttribute(context.node, 'group', 1);
  const positions = sizes.reduce((total, size) => total * size, 1);
  const [channels] = staticShape(context, [x.shape[1]], 'the number of channels');
  const split = group === 1 ? [channels] : [group, channels / group];
  return reshape(context.builder, x, [x.shape[0], ...split, positions]);
}

function pad(context: GradientContext, x: Value, { padsBegin, padsEnd }: WindowGeometry): Value {
  if ([...padsBegin, ...padsEnd].every((size) => size === 0)) return x;
  return context.builder.op('Pad', [x, context.builder.ints([0, 0, ...padsBegin, 0, 0, ...padsEnd])]);
}

/** Every index into a kernel of these sizes, in row-major order. */
function offsetsOf(sizes: readonly number[]): readonly (readonly number[])[] {
  return sizes.reduce<readonly (readonly number[])[]>(
    (found, size) => found.flatMap((prefix) => Array.from({ length: size }, (_, at) => [...prefix, at])),
    [[]],
  );
}
