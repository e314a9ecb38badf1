/** Sampling at places that the model computes: spatial transformers (Jaderberg et al. 2015), warps, deformable layers. */
import { intAttribute, stringAttribute } from '../../onnx/attributes.js';
import { dataTypeCode, type GraphBuilder, int, type Node, type Value } from '../../onnx/index.js';
import { add, addScalar, mul, reshape, scale, sub } from '../expressions.js';
import { knownSize, type Lowering, operand, refuse } from './lowering.js';

/** Along one axis: which element, and how much of it; the product over the axes weights a corner. */
interface Tap {
  readonly index: Value;
  readonly weight: Value | undefined;
}

/**
 * `x` `[batch, channels, …sizes]` at the places of `grid` `[batch, …places, axes]`, the last axis's coordinate first, -1 to 1
 * over the picture. Each place is the weighted sum of the elements around it, gathered from the flattened picture; the
 * weights carry the gradient to the grid, where the nearest form has none, as in PyTorch.
 */
export const lowerGridSample: Lowering = (b, node, inputs) => {
  const [x, grid] = [operand(node, inputs, 0), operand(node, inputs, 1)];
  const [batch, channels] = x.shape;
  const sizes = x.shape.slice(2).map((_, axis) => knownSize(node, x, axis + 2));
  const places = grid.shape.slice(1, -1).map((_, axis) => knownSize(node, grid, axis + 1));
  const count = places.reduce((product, size) => product * size, 1);
  const elements = sizes.reduce((product, size) => product * size, 1);
  const flat = reshape(b, x, [batch, channels, elements]);
  let corners: readonly Tap[] = [{ index: b.ints([0]), weight: undefined }];
  sizes.forEach((size, axis) => {
    const last = b.scalar(sizes.length - 1 - axis, 'int64');
    const coordinate = b.op('Gather', [grid, last], { axis: int(-1) });
    const taps = tapsOf(b, node, reshape(b, coordinate, [batch, 1, count]), size);
    corners = corners.flatMap((corner) =>
      taps.map(({ index, weight }) => ({
        index: add(b, mul(b, corner.index, b.ints([size])), index),
        weight: product(b, corner.weight, weight),
      })),
    );
  });
  const parts = corners.map(({ index, weight }) => {
    const everyChannel = b.op('Expand', [index, b.ints([1, knownSize(node, x, 1), 1])]);
    const taken = b.op('GatherElements', [flat, everyChannel], { axis: int(2) });
    return weight === undefined ? taken : mul(b, taken, weight);
  });
  const sum = parts.reduce((total, part) => add(b, total, part));
  return [reshape(b, sum, [batch, channels, ...places])];
};

/** What a picture goes on with beyond its border. */
type Padding = 'zeros' | 'border' | 'reflection';

/** The elements that a coordinate `[batch, 1, places]` lies between, and their shares. */
function tapsOf(b: GraphBuilder, node: Node, coordinate: Value, size: number): readonly Tap[] {
  const padding = paddingOf(node);
  const mode = stringAttribute(node, 'mode', 'linear');
  const aligned = intAttribute(node, 'align_corners', 0) !== 0;
  const free = addScalar(b, scale(b, coordinate, (aligned ? size - 1 : size) / 2), (size - 1) / 2);
  const within = (place: Value): Value => {
    if (padding === 'zeros') return place;
    return held(b, padding === 'border' ? place : reflected(b, place, size, aligned), size);
  };
  if (mode === 'cubic') return cubicTaps(b, free, (at, share) => tapAt(b, within(at), share, size));
  const place = within(free);
  if (mode === 'nearest') return [tapAt(b, b.op('Round', [place]), undefined, size)];
  if (mode !== 'linear') refuse(node, `its mode is ${mode}`, 'use linear, cubic or nearest');
  const low = b.op('Floor', [place]);
  const share = sub(b, place, low);
  const rest = addScalar(b, scale(b, share, -1), 1);
  return [tapAt(b, low, rest, size), tapAt(b, addScalar(b, low, 1), share, size)];
}

function paddingOf(node: Node): Padding {
  const padding = stringAttribute(node, 'padding_mode', 'zeros');
  if (padding === 'zeros' || padding === 'border' || padding === 'reflection') return padding;
  return refuse(node, `its padding is ${padding}`, 'use zeros, border or reflection');
}

/** The coefficient of PyTorch and ONNX. */
const a = -0.75;
/** Keys 1981, by powers of the distance from the highest down: of elements within 1, and within 2. */
const near = [a + 2, -(a + 3), 0, 1];
const far = [a, -5 * a, 8 * a, -4 * a];

/** The four elements around a place. Padding is of whole elements then, and nothing pulls the place at the border. */
function cubicTaps(b: GraphBuilder, place: Value, tap: (at: Value, share: Value) => Tap): readonly Tap[] {
  const low = b.op('Floor', [place]);
  const after = sub(b, place, low);
  return [-1, 0, 1, 2].map((step) => {
    const distance = step > 0 ? addScalar(b, scale(b, after, -1), step) : addScalar(b, after, -step);
    const [first, ...rest] = step === 0 || step === 1 ? near : far;
    const share = rest.reduce<Value>(
      (sum, coefficient) => addScalar(b, mul(b, sum, distance), coefficient),
      b.scalar(first),
    );
    return tap(addScalar(b, low, step), share);
  });
}

/** Thrown back at the middle of the last element where corners are aligned, and at its edge where not: a wave of triangles. */
function reflected(b: GraphBuilder, place: Value, size: number, aligned: boolean): Value {
  const span = aligned ? size - 1 : size;
  const first = aligned ? 0 : -0.5;
  if (span === 0) return scale(b, place, 0);
  const from = addScalar(b, place, -first);
  const turns = b.op('Round', [scale(b, from, 1 / (2 * span))]);
  return addScalar(b, b.op('Abs', [sub(b, from, scale(b, turns, 2 * span))]), first);
}

/** At the border's own places and beyond them nothing pulls the grid, as in PyTorch. */
function held(b: GraphBuilder, place: Value, size: number): Value {
  const [first, last] = [b.scalar(0), b.scalar(size - 1)];
  const inside = b.op('And', [b.op('Greater', [place, first]), b.op('Less', [place, last])]);
  const border = b.op('Where', [b.op('Greater', [place, first]), last, first]);
  return b.op('Where', [inside, place, border]);
}

/** What lies outside counts as nothing; its index is any that exists. */
function tapAt(b: GraphBuilder, at: Value, weight: Value | undefined, size: number): Tap {
  const [first, last] = [b.scalar(0), b.scalar(size - 1)];
  const exists = b.op('And', [b.op('GreaterOrEqual', [at, first]), b.op('LessOrEqual', [at, last])]);
  const inside = b.op('Where', [exists, at, first]);
  const share = b.op('Where', [exists, weight ?? b.scalar(1), b.scalar(0)]);
  return { index: b.op('Cast', [inside], { to: int(dataTypeCode('int64')) }), weight: share };
}

const product = (b: GraphBuilder, x: Value | undefined, y: Value | undefined): Value | undefined =>
  x === undefined || y === undefined ? (x ?? y) : mul(b, x, y);
