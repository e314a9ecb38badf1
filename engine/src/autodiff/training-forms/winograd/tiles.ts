/** Responses of a convolution as Winograd's transform gives them, tile by tile. */
import { product } from '../../../onnx/dimensions.js';
import { type Dimension, type GraphBuilder, ints, tensorOf, type Value } from '../../../onnx/index.js';
import { add, reshape, transpose } from '../../expressions.js';
import { tileSize } from './transforms.js';

export interface Tiles {
  /**
   * `[4, 4 · C · N · tiles]`: the place within a window of 2 by 2, then the window's place in its tile, channel, example
   * and tile.
   */
  readonly value: Value;
  /** What it is in the model's layout: `[N, C, height, width]`. The last tiles may reach beyond. */
  readonly shape: readonly Dimension[];
  /** `[C]`, to be added: after a pool, which leaves a quarter to add it to. */
  readonly bias: Value | undefined;
  /** Whether what is negative then becomes 0; that too is done after a pool. */
  readonly rectified: boolean;
}

/** Tiles along each axis. */
export function tileCounts(shape: readonly Dimension[]): readonly [number, number] {
  const [, , height, width] = shape;
  return [Math.ceil(Number(height) / tileSize), Math.ceil(Number(width) / tileSize)];
}

/** In the model's layout. */
export function fromTiles(b: GraphBuilder, tiles: Tiles): Value {
  const [rows, columns] = tileCounts(tiles.shape);
  const [batch, channels] = tiles.shape;
  const apart = reshape(b, tiles.value, [2, 2, 2, 2, channels, batch, rows, columns]);
  // Tiles stay whole along a row, so that runs of numbers are moved; a product with a permutation then sorts the row.
  const near = transpose(b, apart, [5, 4, 6, 2, 0, 3, 1, 7]);
  const order = Array.from(
    { length: 4 * columns },
    (_, at) => tileSize * (at % columns) + Math.floor(at / columns),
  );
  const sorted = b.op('MatMul', [
    reshape(b, near, [product([batch, channels, rows, tileSize]), 4 * columns]),
    permutation(b, order),
  ]);
  const image = reshape(b, sorted, [batch, channels, tileSize * rows, tileSize * columns]);
  return finished(b, tiles, cropped(b, image, tiles.shape));
}

/** The greatest of each window of 2 by 2, in the model's layout. */
export function pooled(b: GraphBuilder, tiles: Tiles): Value {
  const [rows, columns] = tileCounts(tiles.shape);
  const [batch, channels, height, width] = tiles.shape;
  const windows = product([4, channels, batch, rows, columns]);
  const stacked = reshape(b, tiles.value, [1, 1, 4, windows]);
  const greatest = b.op('MaxPool', [stacked], { kernel_shape: ints([4, 1]), strides: ints([4, 1]) });
  const apart = reshape(b, greatest, [2, 2, channels, batch, rows, columns]);
  const near = transpose(b, apart, [3, 2, 4, 0, 1, 5]);
  const order = Array.from({ length: 2 * columns }, (_, at) => 2 * (at % columns) + Math.floor(at / columns));
  const sorted = b.op('MatMul', [
    reshape(b, near, [product([batch, channels, rows, 2]), 2 * columns]),
    permutation(b, order),
  ]);
  const image = reshape(b, sorted, [batch, channels, 2 * rows, 2 * columns]);
  const sizes = [height, width].map((size) => Math.floor(Number(size) / 2));
  return finished(b, tiles, cropped(b, image, [batch, channels, ...sizes]));
}

function finished(b: GraphBuilder, { bias, rectified }: Tiles, image: Value): Value {
  const shifted = bias === undefined ? image : add(b, image, reshape(b, bias, [1, image.shape[1], 1, 1]));
  return rectified ? b.op('Relu', [shifted]) : shifted;
}

function cropped(b: GraphBuilder, image: Value, shape: readonly Dimension[]): Value {
  const [height, width] = shape.slice(2).map(Number);
  if (image.shape[2] === height && image.shape[3] === width) return image;
  return b.op('Slice', [image, b.ints([0, 0]), b.ints([height, width]), b.ints([2, 3])]);
}

/** `[n, n]`: what stands at `i` goes to `order[i]`. */
function permutation(b: GraphBuilder, order: readonly number[]): Value {
  const size = order.length;
  const matrix = new Float32Array(size * size);
  order.forEach((to, from) => {
    matrix[from * size + to] = 1;
  });
  return b.constant(tensorOf('float32', [size, size], matrix), 'permutation');
}
