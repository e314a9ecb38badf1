import { intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { product } from '../../onnx/dimensions.js';
import { ints, tensorOf, type Value } from '../../onnx/index.js';
import { type WindowGeometry, windowGeometry } from '../../onnx/window-geometry.js';
import { type GradientContext, type GradientRule, input, outputGradient, staticShape } from '../context.js';
import { mul, reshape, reshapeLike, scale } from '../expressions.js';
import { requireTable } from '../lowerings/lowering.js';

/** Every element of a window gets its share of the window's gradient. */
export const averagePool: GradientRule = (context) => {
  const x = input(context, 0);
  const spatial = staticShape(context, x.shape.slice(2), 'the image');
  const geometry = windowGeometry(context.node, spatial, intsAttribute(context.node, 'kernel_shape') ?? []);
  const shares = divideByCounts(context, geometry, spatial);
  context.give(
    0,
    tiles(geometry, spatial) ? repeat(context, geometry, shares) : spread(context, geometry, spatial, shares),
  );
};

/** The gradient over the number of elements each window averaged, which padding makes smaller at the borders. */
function divideByCounts(
  context: GradientContext,
  geometry: WindowGeometry,
  spatial: readonly number[],
): Value {
  const { builder: b } = context;
  const dy = outputGradient(context);
  const withPads = intAttribute(context.node, 'count_include_pad', 0) !== 0;
  const sizes = staticShape(context, geometry.output, 'the output');
  requireTable(
    context.node,
    sizes.reduce((total, size) => total * size, 1),
  );
  for (const [axis, size] of sizes.entries()) requireTable(context.node, size * geometry.kernel[axis]);
  let counts = [1];
  sizes.forEach((size, axis) => {
    const alongAxis = Array.from({ length: size }, (_, at) =>
      elementsIn(geometry, spatial, axis, at, withPads),
    );
    counts = counts.flatMap((count) => alongAxis.map((along) => count * along));
  });
  if (counts.every((count) => count === counts[0])) return scale(b, dy, 1 / counts[0]);
  const shares = tensorOf(
    dy.dataType,
    sizes,
    counts.map((count) => 1 / count),
  );
  return mul(b, dy, b.constant(shares, 'shares'));
}

/** How many elements along an axis the window at `at` averages; none beyond the padding ever counts. */
function elementsIn(
  { kernel, strides, dilations, padsBegin, padsEnd }: WindowGeometry,
  spatial: readonly number[],
  axis: number,
  at: number,
  withPads: boolean,
): number {
  const low = withPads ? -padsBegin[axis] : 0;
  const high = spatial[axis] + (withPads ? padsEnd[axis] : 0);
  let count = 0;
  for (let k = 0; k < kernel[axis]; k++) {
    const position = at * strides[axis] - padsBegin[axis] + k * dilations[axis];
    if (position >= low && position < high) count++;
  }
  return count;
}

/** Whether the windows lie side by side and cover the image exactly. */
function tiles(
  { kernel, strides, dilations, padsBegin, padsEnd, output }: WindowGeometry,
  spatial: readonly number[],
): boolean {
  return kernel.every(
    (size, axis) =>
      size === strides[axis] &&
      (dilations[axis] === 1 || size === 1) &&
      padsBegin[axis] === 0 &&
      padsEnd[axis] === 0 &&
      output[axis] === spatial[axis] / size,
  );
}

/** Windows that tile the image: each share repeated over its window. */
function repeat(context: GradientContext, { kernel, output }: WindowGeometry, shares: Value): Value {
  const { builder: b } = context;
  const x = input(context, 0);
  const rows = product(x.shape.slice(0, 2));
  const apart = reshape(b, shares, [rows, ...output.flatMap((size) => [size, 1])]);
  const repeated = b.op('Expand', [apart, b.ints([1, ...kernel.flatMap((size) => [1, size])])]);
  return reshapeLike(b, repeated, x);
}

/** Otherwise the adjoint of a convolution with ones, each channel an image of its own. */
function spread(
  context: GradientContext,
  { kernel, strides, dilations, padsBegin, output }: WindowGeometry,
  spatial: readonly number[],
  shares: Value,
): Value {
  const { builder: b } = context;
  const x = input(context, 0);
  const sizes = staticShape(context, output, 'the output');
  // Rows of the image no window reached are padded; a window that reached past the end is cut.
  const missing = spatial.map((size, axis) => {
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    return size + padsBegin[axis] - reach - (sizes[axis] - 1) * strides[axis];
  });
  const ones = tensorOf(x.dataType, [1, 1, ...kernel], new Array(kernel.reduce((n, k) => n * k, 1)).fill(1));
  const images = reshape(b, shares, [product(x.shape.slice(0, 2)), 1, ...sizes]);
  const whole = b.op('ConvTranspose', [images, b.constant(ones, 'ones')], {
    kernel_shape: ints(kernel),
    strides: ints(strides),
    dilations: ints(dilations),
  });
  const crop = [0, 0, ...padsBegin.map((begin) => -begin), 0, 0, ...missing];
  const fitted = crop.every((size) => size === 0) ? whole : b.op('Pad', [whole, b.ints(crop)]);
  return reshapeLike(b, fitted, x);
}
