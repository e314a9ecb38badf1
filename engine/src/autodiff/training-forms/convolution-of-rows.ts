import { intAttribute } from '../../onnx/attributes.js';
import { product } from '../../onnx/dimensions.js';
import { elementCount, int, ints, isStatic, tensorOf, type Value } from '../../onnx/index.js';
import type { WindowGeometry } from '../../onnx/window-geometry.js';
import { add, reshape } from '../expressions.js';
import type { FormContext, TrainingForm } from './form.js';
import { geometryOf } from './geometry.js';
import { asRows, type Rows } from './placements.js';

/**
 * Largest matrix of a small depthwise convolution: images of 8x8. There the products take a fifth of the time of a
 * convolution, which is a thousand tiny ones; with 16x16 pixels, halved by a stride, they take as long.
 */
const smallMatrixMax = 4096;

/**
 * Of rows of channels, a pointwise convolution is one matrix product for the whole batch, and so are both of its
 * gradients. A depthwise one treats each image of each channel alone, or multiplies small images by the matrix that
 * it is. Where most convolutions are of these kinds this halves the time of a step.
 */
export const convolutionOfRows: TrainingForm = (context) => {
  const { inRows, builder: b, placements } = context;
  const [x, w, bias] = [0, 1, 2].map((index) => context.original(index));
  if (!inRows || x === undefined || w === undefined) return undefined;
  const kind = kindOf(context);
  if (kind === 'other') return undefined;
  const weight = placements.plain(w.name);
  const rows = placements.rows(x.name);
  const [filters] = w.shape;
  const geometry = geometryOf(context);
  const shape = [x.shape[0], filters, ...geometry.output];
  const result =
    kind === 'pointwise'
      ? asRows(b, b.op('MatMul', [reshape(b, weight, w.shape.slice(0, 2)), rows.value]), shape)
      : depthwise(context, rows, weight, geometry);
  if (bias === undefined) return [{ kind: 'rows', rows: result }];
  const column = reshape(b, placements.plain(bias.name), [1, filters, 1]);
  return [{ kind: 'rows', rows: { value: add(b, result.value, column), shape } }];
};

/** What a convolution is, of shapes that are known but for the batch. */
export function kindOf(context: Pick<FormContext, 'node' | 'original'>): 'pointwise' | 'depthwise' | 'other' {
  const [x, w] = [context.original(0), context.original(1)];
  if (x === undefined || w === undefined || x.shape.length < 3) return 'other';
  if (!isStatic(w.shape) || !isStatic(x.shape.slice(1))) return 'other';
  const [filters, channels, ...kernel] = w.shape;
  const group = intAttribute(context.node, 'group', 1);
  const { strides, padsBegin, padsEnd } = geometryOf(context);
  const isWhole = [...kernel, ...strides].every((size) => size === 1);
  if (group === 1) {
    return isWhole && [...padsBegin, ...padsEnd].every((size) => size === 0) ? 'pointwise' : 'other';
  }
  return channels === 1 && filters === group ? 'depthwise' : 'other';
}

function depthwise(context: FormContext, rows: Rows, weight: Value, geometry: WindowGeometry): Rows {
  const { builder: b } = context;
  const [batch, channels, ...spatial] = rows.shape;
  const shape = [batch, channels, ...geometry.output];
  const [pixels, responses] = [spatial, geometry.output].map((sizes) => elementCount(sizes.map(Number)));
  if (pixels * responses <= smallMatrixMax) {
    const weights = reshape(b, weight, [channels, elementCount(geometry.kernel)]);
    const spread = b.op('MatMul', [weights, placesOf(context, geometry, spatial.map(Number))]);
    const matrices = reshape(b, spread, [channels, pixels, responses]);
    const images = reshape(b, rows.value, [channels, batch, pixels]);
    return asRows(b, b.op('MatMul', [images, matrices]), shape);
  }
  const images = reshape(b, rows.value, [1, product([channels, batch]), ...spatial]);
  const repeated = b.op('Expand', [weight, b.ints([Number(channels), Number(batch), ...geometry.kernel])]);
  const kernels = reshape(b, repeated, [product([channels, batch]), 1, ...geometry.kernel]);
  const convolved = b.op('Conv', [images, kernels], {
    kernel_shape: ints(geometry.kernel),
    strides: ints(geometry.strides),
    dilations: ints(geometry.dilations),
    pads: ints([...geometry.padsBegin, ...geometry.padsEnd]),
    group: int(Number(channels) * Number(batch)),
  });
  return asRows(b, reshape(b, convolved, [channels, batch, ...geometry.output]), shape);
}

/**
 * `[offsets, pixels · responses]`: 1 where the weight of that offset takes the pixel to the response. A row of
 * weights times this is the convolution as a matrix.
 */
function placesOf(
  { builder: b, shared }: FormContext,
  geometry: WindowGeometry,
  spatial: readonly number[],
): Value {
  const key = JSON.stringify([geometry, spatial]);
  const known = shared.get(key);
  if (known !== undefined) return known;
  const { kernel, strides, dilations, padsBegin } = geometry;
  const output = geometry.output.map(Number);
  const [offsets, pixels, responses] = [kernel, spatial, output].map(elementCount);
  const places = new Float32Array(offsets * pixels * responses);
  for (let offset = 0; offset < offsets; offset++) {
    const at = indexOf(offset, kernel);
    for (let response = 0; response < responses; response++) {
      const to = indexOf(response, output);
      const from = to.map((o, axis) => o * strides[axis] + at[axis] * dilations[axis] - padsBegin[axis]);
      if (from.some((position, axis) => position < 0 || position >= spatial[axis])) continue;
      const pixel = from.reduce((flat, position, axis) => flat * spatial[axis] + position, 0);
      places[(offset * pixels + pixel) * responses + response] = 1;
    }
  }
  const made = b.constant(tensorOf('float32', [offsets, pixels * responses], places), 'places');
  shared.set(key, made);
  return made;
}

function indexOf(flat: number, sizes: readonly number[]): readonly number[] {
  let rest = flat;
  return sizes
    .toReversed()
    .map((size) => {
      const at = rest % size;
      rest = Math.floor(rest / size);
      return at;
    })
    .reverse();
}
