import { floatAttribute, intAttribute, stringAttribute } from '../onnx/attributes.js';
import { type Dense, given, type Kernel, rearrange, stridesOf } from '../onnx/evaluation/index.js';
import type { Node } from '../onnx/index.js';

const dot = (index: readonly number[], strides: readonly number[]): number =>
  index.reduce((sum, at, axis) => sum + at * strides[axis], 0);

function place(node: Node, at: number, before: number, after: number, factor: number): number {
  switch (stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel')) {
    case 'align_corners':
      return after > 1 ? (at * (before - 1)) / (after - 1) : 0;
    case 'asymmetric':
      return at / factor;
    case 'pytorch_half_pixel':
      return after > 1 ? (at + 0.5) / factor - 0.5 : 0;
    default:
      return (at + 0.5) / factor - 0.5;
  }
}

function nearest(node: Node, at: number): number {
  const rounds: Record<string, (x: number) => number> = {
    floor: Math.floor,
    ceil: Math.ceil,
    round_prefer_ceil: Math.round,
    round_prefer_floor: (x) => Math.ceil(x - 0.5),
  };
  return rounds[stringAttribute(node, 'nearest_mode', 'round_prefer_floor')](at);
}

function weightOf(node: Node, distance: number): number {
  const d = Math.abs(distance);
  if (stringAttribute(node, 'mode', 'nearest') === 'linear') return Math.max(0, 1 - d);
  const a = floatAttribute(node, 'cubic_coeff_a', -0.75);
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
}

/** Along each axis that changes, the weighted elements near where the new one lies. */
const resize: Kernel = (node, inputs) => {
  let x = given(inputs, 0);
  const source = x.shape;
  const factors = inputs[2] && inputs[2].data.length > 0 ? [...inputs[2].data] : undefined;
  source.forEach((before, axis) => {
    const after = factors ? Math.floor(before * factors[axis]) : given(inputs, 3).data[axis];
    const factor = factors?.[axis] ?? after / before;
    if (after !== before) x = along(node, x, axis, { before, after, factor });
  });
  return [x];
};

function along(
  node: Node,
  x: Dense,
  axis: number,
  { before, after, factor }: { before: number; after: number; factor: number },
): Dense {
  const strides = stridesOf(x.shape);
  const clamp = (at: number) => Math.max(0, Math.min(before - 1, at));
  const shape = x.shape.with(axis, after);
  const isNearest = stringAttribute(node, 'mode', 'nearest') === 'nearest';
  const taps = (at: number): number[] => {
    const exact = place(node, at, before, after, factor);
    const low = Math.floor(exact);
    return isNearest ? [nearest(node, exact)] : [low - 1, low, low + 1, low + 2];
  };
  const parts = [0, 1, 2, 3].slice(0, isNearest ? 1 : 4).map((tap) => {
    const moved = rearrange(x, shape, (index) =>
      dot(index.with(axis, clamp(taps(index[axis])[tap])), strides),
    );
    const weights = rearrange({ ...x, data: Float64Array.of(1) }, shape, () => 0);
    const own = stridesOf(shape);
    return moved.data.map((value, position) => {
      const at = Math.floor(position / own[axis]) % after;
      const exact = place(node, at, before, after, factor);
      return value * (isNearest ? weights.data[position] : weightOf(node, exact - taps(at)[tap]));
    });
  });
  return { ...x, shape, data: parts[0].map((_, at) => parts.reduce((sum, part) => sum + part[at], 0)) };
}

/** Of a plane, place by place: the weights are hats around each element, as the definition has them. */
const gridSample: Kernel = (node, inputs) => {
  const [x, grid] = [given(inputs, 0), given(inputs, 1)];
  const [, channels, height, width] = x.shape;
  const [batch, rows, columns] = grid.shape;
  const aligned = intAttribute(node, 'align_corners', 0) !== 0;
  const isNearest = stringAttribute(node, 'mode', 'linear') === 'nearest';
  const isBorder = stringAttribute(node, 'padding_mode', 'zeros') === 'border';
  const placeIn = (coordinate: number, size: number): number => {
    const place = aligned ? ((coordinate + 1) / 2) * (size - 1) : ((coordinate + 1) * size - 1) / 2;
    const held = isBorder ? Math.max(0, Math.min(size - 1, place)) : place;
    return isNearest ? Math.round(held) : held;
  };
  const hat = (distance: number): number => Math.max(0, 1 - Math.abs(distance));
  const data = new Float64Array(batch * channels * rows * columns);
  data.forEach((_, position) => {
    const place = position % (rows * columns);
    const plane = Math.floor(position / (rows * columns));
    const at = 2 * (Math.floor(plane / channels) * rows * columns + place);
    const [column, row] = [placeIn(grid.data[at], width), placeIn(grid.data[at + 1], height)];
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        data[position] += hat(row - i) * hat(column - j) * x.data[(plane * height + i) * width + j];
      }
    }
  });
  return [{ ...x, shape: [batch, channels, rows, columns], data }];
};

export const resamplingKernels: ReadonlyMap<string, Kernel> = new Map([
  ['GridSample', gridSample],
  ['Resize', resize],
]);
