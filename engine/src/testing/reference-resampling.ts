import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../onnx/attributes.js';
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

/** A coordinate thrown back at both ends until it is within them, as often as that takes. */
function thrownBack(place: number, size: number, aligned: boolean): number {
  const [first, last] = aligned ? [0, size - 1] : [-0.5, size - 0.5];
  let at = place;
  while (first < last && (at < first || at > last)) at = at < first ? 2 * first - at : 2 * last - at;
  return first < last ? at : 0;
}

/** Of a plane, place by place: each element weighted by its distance, elements beyond the border by what stands for them. */
const gridSample: Kernel = (node, inputs) => {
  const [x, grid] = [given(inputs, 0), given(inputs, 1)];
  const [, channels, height, width] = x.shape;
  const [batch, rows, columns] = grid.shape;
  const aligned = intAttribute(node, 'align_corners', 0) !== 0;
  const mode = stringAttribute(node, 'mode', 'linear');
  const padding = stringAttribute(node, 'padding_mode', 'zeros');
  const padded = (place: number, size: number): number => {
    if (padding === 'zeros') return place;
    return Math.max(0, Math.min(size - 1, padding === 'border' ? place : thrownBack(place, size, aligned)));
  };
  const tapsOf = (coordinate: number, size: number): (readonly [at: number, weight: number])[] => {
    const free = aligned ? ((coordinate + 1) / 2) * (size - 1) : ((coordinate + 1) * size - 1) / 2;
    if (mode === 'cubic') {
      const low = Math.floor(free);
      return [-1, 0, 1, 2].map(
        (step) => [padded(low + step, size), weightOf(node, free - low - step)] as const,
      );
    }
    const place = padded(free, size);
    if (mode === 'nearest') return [[Math.round(place), 1]];
    const low = Math.floor(place);
    return [
      [low, 1 - (place - low)],
      [low + 1, place - low],
    ];
  };
  const data = new Float64Array(batch * channels * rows * columns);
  data.forEach((_, position) => {
    const place = position % (rows * columns);
    const plane = Math.floor(position / (rows * columns));
    const at = 2 * (Math.floor(plane / channels) * rows * columns + place);
    for (const [j, across] of tapsOf(grid.data[at], width)) {
      for (const [i, down] of tapsOf(grid.data[at + 1], height)) {
        const isInside = i >= 0 && i < height && j >= 0 && j < width;
        if (isInside) data[position] += across * down * x.data[(plane * height + i) * width + j];
      }
    }
  });
  return [{ ...x, shape: [batch, channels, rows, columns], data }];
};

/** Of a plane: the map times each place, written out. */
const affineGrid: Kernel = (node, inputs) => {
  const theta = given(inputs, 0);
  const [batch, , height, width] = given(inputs, 1).data;
  const aligned = intAttribute(node, 'align_corners', 0) !== 0;
  const at = (index: number, size: number) =>
    aligned ? -1 + (2 * index) / (size - 1) : -1 + (2 * index + 1) / size;
  const shape = [batch, height, width, 2];
  const data = Float64Array.from({ length: 2 * batch * height * width }, (_, position) => {
    const [axis, pixel] = [position % 2, Math.floor(position / 2)];
    const [column, row] = [pixel % width, Math.floor(pixel / width) % height];
    const from = 6 * Math.floor(pixel / (width * height)) + 3 * axis;
    const [a, b, c] = theta.data.subarray(from, from + 3);
    return a * at(column, width) + b * at(row, height) + c;
  });
  return [{ ...theta, shape, data }];
};

/** Of a plane: every patch's element added to its pixel. */
const col2Im: Kernel = (node, inputs) => {
  const [x, sizes, block] = [given(inputs, 0), given(inputs, 1).data, given(inputs, 2).data];
  const [[height, width], [down, across]] = [sizes, block];
  const list = (name: string, absent: number) =>
    intsAttribute(node, name) ?? [absent, absent, absent, absent];
  const [pads, strides, dilations] = [list('pads', 0), list('strides', 1), list('dilations', 1)];
  const [batch, rows, places] = x.shape;
  const reach = (axis: number) => dilations[axis] * (block[axis] - 1) + 1;
  const columns = Math.floor((width + pads[1] + pads[3] - reach(1)) / strides[1]) + 1;
  const channels = rows / (down * across);
  const data = new Float64Array(batch * channels * height * width);
  x.data.forEach((value, position) => {
    const [place, row] = [position % places, Math.floor(position / places)];
    const [offset, plane] = [row % (down * across), Math.floor(row / (down * across))];
    const i = Math.floor(place / columns) * strides[0] + Math.floor(offset / across) * dilations[0] - pads[0];
    const j = (place % columns) * strides[1] + (offset % across) * dilations[1] - pads[1];
    if (i >= 0 && i < height && j >= 0 && j < width) data[(plane * height + i) * width + j] += value;
  });
  return [{ ...x, shape: [batch, channels, height, width], data }];
};

export const resamplingKernels: ReadonlyMap<string, Kernel> = new Map([
  ['AffineGrid', affineGrid],
  ['Col2Im', col2Im],
  ['GridSample', gridSample],
  ['Resize', resize],
]);
