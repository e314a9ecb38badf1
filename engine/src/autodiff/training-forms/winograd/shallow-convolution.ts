import { intAttribute } from '../../../onnx/attributes.js';
import { product } from '../../../onnx/dimensions.js';
import { elementCount, type GraphBuilder, int, isStatic, tensorOf, type Value } from '../../../onnx/index.js';
import type { WindowGeometry } from '../../../onnx/window-geometry.js';
import { reshape, transpose } from '../../expressions.js';
import type { TrainingForm } from '../form.js';
import { geometryOf } from '../geometry.js';
import { reach, tileSize } from './transforms.js';

/** Most pixels of the examples that a response sees: beyond, it costs too much to compute it for each tile that sees it. */
const patchMax = 32;

/**
 * A convolution of the examples themselves, with few pixels to each response: so cheap that what follows may have it
 * computed in the order in which it reads it, every response as often as that reads it.
 */
export interface ShallowConvolution {
  /** `[N, channels, height, width]`. */
  readonly examples: Value;
  /** `[filters, channels, …kernel]`. */
  readonly weight: Value;
  readonly bias: Value | undefined;
  readonly geometry: WindowGeometry;
  readonly rectified: boolean;
  /** As the model has it. */
  readonly plain: () => Value;
}

/** Puts the convolution off. */
export const shallowConvolution: TrainingForm = (context) => {
  const { node, placements } = context;
  const [x, w, bias] = [0, 1, 2].map((index) => context.original(index));
  if (x === undefined || w === undefined || !context.isOfExamples(x.name)) return undefined;
  if (x.shape.length !== 4 || !isStatic(x.shape.slice(1)) || !isStatic(w.shape)) return undefined;
  if (intAttribute(node, 'group', 1) !== 1 || elementCount(w.shape.slice(1)) > patchMax) return undefined;
  const shallow = {
    examples: placements.plain(x.name),
    weight: placements.plain(w.name),
    bias: bias === undefined ? undefined : placements.plain(bias.name),
    geometry: geometryOf(context),
    rectified: false,
    plain: context.copy,
  };
  return [{ kind: 'shallow', shallow }];
};

/** Rows of examples' pixels that a response is made of, one more for the bias. */
const rowsOf = ({ weight, bias }: ShallowConvolution): number =>
  elementCount(weight.shape.slice(1).map(Number)) + (bias === undefined ? 0 : 1);

/** Places that a plan holds to compute the responses for so many tiles. */
export function placesFor(source: ShallowConvolution, tiles: readonly number[]): number {
  return reach * reach * rowsOf(source) * elementCount(tiles);
}

/**
 * `[36, filters, N · tiles]`: the convolution's responses that each tile of the next one sees, whose padding before and
 * number of tiles are given for each axis. What lies in the padding is 0.
 */
export function responsesByTile(
  b: GraphBuilder,
  source: ShallowConvolution,
  padding: readonly number[],
  tiles: readonly number[],
): Value {
  const { examples, weight, bias, geometry, rectified } = source;
  const [batch, ...example] = examples.shape;
  const pixels = elementCount(example.map(Number));
  const patch = elementCount(weight.shape.slice(1).map(Number));
  const filters = weight.shape[0];
  const columns = reshape(b, weight, [filters, patch]);
  const matrix =
    bias === undefined
      ? columns
      : b.op('Concat', [columns, reshape(b, bias, [filters, 1])], { axis: int(1) });
  const inner = rowsOf(source);

  // A row for each pixel, one of zeros for what lies outside, and one of ones for the bias.
  const rows = transpose(b, reshape(b, examples, [batch, pixels]), [1, 0]);
  const withZeros = b.op('Pad', [rows, b.ints([0, 0, 1, 0]), b.scalar(0)]);
  const from = bias === undefined ? withZeros : b.op('Pad', [withZeros, b.ints([0, 0, 1, 0]), b.scalar(1)]);
  const places = patchPlaces({ geometry, example: example.map(Number), inner, padding, tiles });
  const count = tiles[0] * tiles[1];
  const gathered = b.op('Gather', [from, b.constant(tensorOf('int32', [places.length], places), 'patches')], {
    axis: int(0),
  });
  const byExample = transpose(b, reshape(b, gathered, [reach * reach * inner, count, batch]), [0, 2, 1]);
  const patches = reshape(b, byExample, [reach * reach, inner, product([batch, count])]);
  const responses = b.op('MatMul', [matrix, patches]);
  return rectified ? b.op('Relu', [responses]) : responses;
}

interface Patches {
  readonly geometry: WindowGeometry;
  /** `[channels, height, width]`. */
  readonly example: readonly number[];
  /** Rows that a response is made of. */
  readonly inner: number;
  readonly padding: readonly number[];
  readonly tiles: readonly number[];
}

/** `[36, inner, tiles]`: of each pixel of each tile, the rows that it is made of. */
function patchPlaces({ geometry, example, inner, padding, tiles }: Patches): Int32Array {
  const { kernel, strides, dilations, padsBegin, output } = geometry;
  const [channels, height, width] = example;
  const patch = channels * kernel[0] * kernel[1];
  const [zeros, ones] = [channels * height * width, channels * height * width + 1];
  const places = new Int32Array(reach * reach * inner * tiles[0] * tiles[1]).fill(zeros);
  let at = 0;
  for (let pixel = 0; pixel < reach * reach; pixel++) {
    for (let element = 0; element < inner; element++) {
      const channel = Math.floor(element / (kernel[0] * kernel[1]));
      const offset = [Math.floor(element / kernel[1]) % kernel[0], element % kernel[1]];
      for (let tile = 0; tile < tiles[0] * tiles[1]; tile++, at++) {
        const corner = [Math.floor(tile / tiles[1]), tile % tiles[1]];
        const response = [Math.floor(pixel / reach), pixel % reach].map(
          (place, axis) => corner[axis] * tileSize + place - padding[axis],
        );
        if (response.some((place, axis) => place < 0 || place >= Number(output[axis]))) continue;
        if (element === patch) {
          places[at] = ones;
          continue;
        }
        const [row, column] = response.map(
          (place, axis) => place * strides[axis] + offset[axis] * dilations[axis] - padsBegin[axis],
        );
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        places[at] = (channel * height + row) * width + column;
      }
    }
  }
  return places;
}
