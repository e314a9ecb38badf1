import { intAttribute } from '../../onnx/attributes.js';
import { int, ints, type Value } from '../../onnx/index.js';
import { type WindowGeometry, windowGeometry } from '../../onnx/window-geometry.js';
import { type GradientContext, type GradientRule, input, outputGradient, staticShape } from '../context.js';
import { reduceSum, reshape, transpose, transposeMatrix } from '../expressions.js';

/** Convolution of any number of spatial axes, with stride, padding, dilation and groups. */
export const conv: GradientRule = (context) => {
  const { builder: b } = context;
  const [x, w] = [input(context, 0), input(context, 1)];
  const spatial = staticShape(context, x.shape.slice(2), 'the image');
  const kernel = staticShape(context, w.shape, 'the kernel').slice(2);
  const geometry = windowGeometry(context.node, spatial, kernel);
  if (context.needs(0)) context.give(0, inputGradient(context, geometry, spatial));
  if (context.needs(1)) context.give(1, weightGradient(context, geometry));
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

/**
 * For each offset in the kernel, the part of the padded input that met this weight, times the output's gradient:
 * a batched matrix product, summed over the batch. No tensor of patches is made, which beat every form that does.
 */
function weightGradient(context: GradientContext, geometry: WindowGeometry): Value {
  const { builder: b } = context;
  const w = input(context, 1);
  const { kernel, strides, dilations } = geometry;
  const sizes = staticShape(context, geometry.output, 'the output');
  const axes = kernel.map((_, axis) => axis + 2);
  const padded = pad(context, geometry);
  const dy = byGroup(context, outputGradient(context), sizes);
  const products = offsets(kernel).map((offset) => {
    const starts = offset.map((at, axis) => at * dilations[axis]);
    const ends = starts.map((start, axis) => start + (sizes[axis] - 1) * strides[axis] + 1);
    const part = isWhole(padded, starts, ends, strides)
      ? padded
      : b.op('Slice', [padded, b.ints(starts), b.ints(ends), b.ints(axes), b.ints(strides)]);
    const met = transposeMatrix(b, byGroup(context, part, sizes));
    return reduceSum(b, b.op('MatMul', [dy, met]), [0], true);
  });
  // [kernel, (group,) output channels, input channels] to [output channels, input channels, kernel].
  const stacked = products.length === 1 ? products[0] : b.op('Concat', products, { axis: int(0) });
  const rank = stacked.shape.length;
  const order = [...Array.from({ length: rank - 1 }, (_, axis) => axis + 1), 0];
  return reshape(b, transpose(b, stacked, order), w.shape);
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

function pad(context: GradientContext, { padsBegin, padsEnd }: WindowGeometry): Value {
  const x = input(context, 0);
  if ([...padsBegin, ...padsEnd].every((size) => size === 0)) return x;
  return context.builder.op('Pad', [x, context.builder.ints([0, 0, ...padsBegin, 0, 0, ...padsEnd])]);
}

/** Every index into a kernel of these sizes, in row-major order. */
function offsets(sizes: readonly number[]): readonly (readonly number[])[] {
  return sizes.reduce<readonly (readonly number[])[]>(
    (found, size) => found.flatMap((prefix) => Array.from({ length: size }, (_, at) => [...prefix, at])),
    [[]],
  );
}
