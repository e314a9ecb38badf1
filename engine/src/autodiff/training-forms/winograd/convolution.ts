import { intAttribute } from '../../../onnx/attributes.js';
import { product } from '../../../onnx/dimensions.js';
import { isStatic, tensorOf, type Value } from '../../../onnx/index.js';
import { reshape, transpose } from '../../expressions.js';
import type { FormContext, TrainingForm } from '../form.js';
import { geometryOf } from '../geometry.js';
import { placesFor, responsesByTile, type ShallowConvolution } from './shallow-convolution.js';
import { tileCounts } from './tiles.js';
import { pixelTransform, reach, responseTransform, tileSize, weightTransform } from './transforms.js';

/** Fewest channels and filters with which products, a 36th of the convolution each, are worth their transforms. */
const channelsMin = 16;

/** Most responses that tiles may compute for one that there is. */
const wasteMax = 1.4;

/** Widest image whose rows a product with a permutation sorts: with 256 it still gains, with 512 it takes half as long again. */
const widthMax = 256;

/** Most places that a plan holds for it, 1 MiB that every device loads: 64 by 64 pixels in colour. */
const placesMax = 2 ** 18;

/**
 * A convolution of 3 by 3 over what a shallow one made of the examples. Each stands in Winograd's domain, where all products of
 * pixels with weights, and those of both gradients, are a quarter, and the transforms are products with small matrices.
 * The shallow one is computed by tiles from the start, so that nothing is moved, and its
 * gradient needs no sum over the tiles that overlap: the weights' gradient is such a sum anyway.
 */
export const winogradConvolution: TrainingForm = (context) => {
  const { builder: b, placements } = context;
  const [x, w, bias] = [0, 1, 2].map((index) => context.original(index));
  if (x === undefined || w === undefined) return undefined;
  const source = placements.shallow(x.name);
  if (source === undefined || !isSuited(context, source)) return undefined;

  const { output, padsBegin } = geometryOf(context);
  const [filters, channels] = w.shape;
  const shape = [x.shape[0], filters, ...output];
  const counts = tileCounts(shape);
  const places = product([x.shape[0], ...counts]);
  const domain = reach * reach;

  const pixels = responsesByTile(b, source, padsBegin, counts);
  const flat = reshape(b, pixels, [domain, product([channels, places])]);
  const transformed = reshape(b, b.op('MatMul', [matrix(context, pixelTransform), flat]), [
    domain,
    channels,
    places,
  ]);
  const kernels = reshape(b, placements.plain(w.name), [product([filters, channels]), 9]);
  const weights = reshape(
    b,
    transpose(b, b.op('MatMul', [kernels, matrix(context, weightTransform)]), [1, 0]),
    [domain, filters, channels],
  );
  const products = reshape(b, b.op('MatMul', [weights, transformed]), [domain, product([filters, places])]);
  const responses = b.op('MatMul', [matrix(context, responseTransform), products]);
  const value = reshape(b, responses, [4, product([4, filters, places])]);
  const shift = bias === undefined ? undefined : placements.plain(bias.name);
  return [{ kind: 'tiles', tiles: { value, shape, bias: shift, rectified: false } }];
};

function isSuited(context: FormContext, source: ShallowConvolution): boolean {
  const [x, w] = [context.original(0), context.original(1)];
  if (x?.shape.length !== 4 || w?.shape.length !== 4) return false;
  if (!isStatic(x.shape.slice(1)) || !isStatic(w.shape)) return false;
  const [filters, channels, ...kernel] = w.shape;
  const { strides, dilations, output } = geometryOf(context);
  if (intAttribute(context.node, 'group', 1) !== 1 || Math.min(filters, channels) < channelsMin) return false;
  if (kernel.some((size) => size !== 3) || [...strides, ...dilations].some((step) => step !== 1))
    return false;
  const counts = tileCounts([x.shape[0], filters, ...output]);
  const [rows, columns] = counts;
  if (tileSize * columns > widthMax || placesFor(source, counts) > placesMax) return false;
  const computed = tileSize * rows * tileSize * columns;
  return computed <= wasteMax * Number(output[0]) * Number(output[1]);
}

function matrix({ builder: b, shared }: FormContext, rows: readonly (readonly number[])[]): Value {
  const shape = [rows.length, rows[0].length];
  const key = `matrix:${shape}`;
  const known = shared.get(key) ?? b.constant(tensorOf('float32', shape, rows.flat()), 'transform');
  shared.set(key, known);
  return known;
}
