import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../onnx/attributes.js';
import { normalizeAxis } from '../../onnx/dimensions.js';
import { type GraphBuilder, int, type Node, tensorOf, toNumbers, type Value } from '../../onnx/index.js';
import { reshape, transpose } from '../expressions.js';
import { knownNumbers, knownSize, type Lowering, operand, refuse, requireTable } from './lowering.js';

interface ResizedAxis {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
  readonly factor: number;
}

/**
 * Every form of it works along one axis after the other. Whole factors of the nearest form repeat elements; other
 * nearest forms gather them; linear and cubic ones are products with a sparse matrix of weights, whose transpose
 * is the gradient.
 */
export const lowerResize: Lowering = (b, node, inputs) => {
  if (intAttribute(node, 'antialias', 0) !== 0) refuse(node, 'it is antialiased', 'resize without');
  let x = operand(node, inputs, 0);
  for (const resized of resizedAxes(b, node, inputs)) x = resizeAxis(b, node, x, resized);
  return [x];
};

function resizedAxes(
  b: GraphBuilder,
  node: Node,
  inputs: readonly (Value | undefined)[],
): readonly ResizedAxis[] {
  const x = operand(node, inputs, 0);
  const named = intsAttribute(node, 'axes') ?? x.shape.map((_, axis) => axis);
  const [scales, sizes] = [inputs[2], inputs[3]];
  const stored = scales && b.constantOf(scales);
  const factors = stored && stored.data.length > 0 ? toNumbers(stored) : undefined;
  if (stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch') {
    refuse(node, 'it keeps the aspect ratio', 'give it the sizes');
  }
  if (factors === undefined && sizes === undefined)
    refuse(node, 'its scales are not known', 'make them constants');
  return named.flatMap((name, i) => {
    const axis = normalizeAxis(name, x.shape.length);
    if (factors?.[i] === 1 || (sizes && b.contentsOf(sizes)?.[i] === x.shape[axis])) return [];
    const before = knownSize(node, x, axis);
    const after = factors
      ? Math.floor(before * factors[i])
      : knownNumbers(b, node, operand(node, inputs, 3))[i];
    return [{ axis, before, after, factor: factors?.[i] ?? after / before }];
  });
}

function resizeAxis(b: GraphBuilder, node: Node, x: Value, resized: ResizedAxis): Value {
  const { axis, before, after } = resized;
  const mode = stringAttribute(node, 'mode', 'nearest');
  requireTable(node, mode === 'nearest' ? after : before * after);
  const places = Array.from({ length: after }, (_, at) => originalPlace(node, at, resized));
  if (mode === 'nearest') {
    const indices = places.map((place) => clamp(nearest(node, place), before));
    const factor = after / before;
    if (Number.isInteger(factor) && indices.every((from, at) => from === Math.floor(at / factor))) {
      return repeated(b, x, axis, factor);
    }
    return b.op('Gather', [x, b.ints(indices)], { axis: int(axis) });
  }
  const taps = mode === 'linear' ? linearTaps : cubicTaps(node);
  const weights = new Float64Array(before * after);
  places.forEach((place, at) => {
    for (const [from, weight] of taps(place)) weights[clamp(from, before) * after + at] += weight;
  });
  const matrix = b.constant(tensorOf('float32', [before, after], weights), 'interpolation');
  const rank = x.shape.length;
  const order = x.shape.map((_, i) => i).filter((i) => i !== axis);
  if (axis === rank - 1) return b.op('MatMul', [x, matrix]);
  const last = transpose(b, x, [...order, axis]);
  const back = x.shape.map((_, i) => (i === axis ? rank - 1 : order.indexOf(i)));
  return transpose(b, b.op('MatMul', [last, matrix]), back);
}

function repeated(b: GraphBuilder, x: Value, axis: number, factor: number): Value {
  const [outer, inner] = [x.shape.slice(0, axis + 1), x.shape.slice(axis + 1)];
  const apart = b.op('Unsqueeze', [x, b.ints([axis + 1])]);
  const wide = b.op('Expand', [apart, b.ints([...outer.map(() => 1), factor, ...inner.map(() => 1)])]);
  return reshape(
    b,
    wide,
    x.shape.map((size, i) => (i === axis ? Number(size) * factor : size)),
  );
}

const clamp = (at: number, size: number): number => Math.max(0, Math.min(size - 1, at));

function originalPlace(node: Node, at: number, { before, after, factor }: ResizedAxis): number {
  const mode = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
  switch (mode) {
    case 'half_pixel':
      return (at + 0.5) / factor - 0.5;
    case 'pytorch_half_pixel':
      return after > 1 ? (at + 0.5) / factor - 0.5 : 0;
    case 'align_corners':
      return after > 1 ? (at * (before - 1)) / (after - 1) : 0;
    case 'asymmetric':
      return at / factor;
    default:
      return refuse(node, `its coordinates are ${mode}`, 'use half_pixel, align_corners or asymmetric');
  }
}

function nearest(node: Node, place: number): number {
  switch (stringAttribute(node, 'nearest_mode', 'round_prefer_floor')) {
    case 'floor':
      return Math.floor(place);
    case 'ceil':
      return Math.ceil(place);
    case 'round_prefer_ceil':
      return Math.floor(place + 0.5);
    default:
      return Math.ceil(place - 0.5);
  }
}

type Taps = (place: number) => readonly (readonly [from: number, weight: number])[];

const linearTaps: Taps = (place) => {
  const low = Math.floor(place);
  return [
    [low, 1 - (place - low)],
    [low + 1, place - low],
  ];
};

/** Keys 1981, with the coefficient of the node. */
function cubicTaps(node: Node): Taps {
  if (intAttribute(node, 'exclude_outside', 0) !== 0) refuse(node, 'it excludes the outside', 'include it');
  const a = floatAttribute(node, 'cubic_coeff_a', -0.75);
  const weight = (distance: number): number => {
    const d = Math.abs(distance);
    if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
    return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
  };
  return (place) => {
    const low = Math.floor(place);
    return [-1, 0, 1, 2].map((step) => [low + step, weight(place - low - step)] as const);
  };
}
