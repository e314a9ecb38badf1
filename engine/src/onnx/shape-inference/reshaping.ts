/** Operators that only say anew how elements are arranged. */
import { intAttribute, intsAttribute, tensorOfAttribute } from '../attributes.js';
import { broadcast, product, quotient } from '../dimensions.js';
import type { Dimension } from '../graph.js';
import { toNumbers } from '../tensors.js';
import {
  checkedAxis,
  fail,
  type InferenceContext,
  type InferenceRule,
  knownInts,
  required,
} from './context.js';

/** Of shapes whose sizes are not known: those that are known may be longer, and are looked at afterwards. */
const rankMax = 64;

/** A shape that was asked for by an input: its elements, or names where only their number is known. */
function askedShape(context: InferenceContext, index: number): readonly Dimension[] {
  const contents = context.contents(index);
  if (contents !== undefined) return contents;
  const length = required(context, index).shape[0];
  if (typeof length !== 'number') fail(context, `the rank asked for by input ${index} is not known`);
  if (length > rankMax) fail(context, `input ${index} asks for ${length} axes`);
  return Array.from({ length }, (_, axis) => `${context.node.outputs[0]}:${axis}`);
}

export const reshape: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const asked = askedShape(context, 1);
  const zeroIsCopy = intAttribute(context.node, 'allowzero', 0) === 0;
  const result = asked.map((size, axis) => (size === 0 && zeroIsCopy ? shape[axis] : size));
  const rest = result.indexOf(-1);
  if (rest >= 0) {
    const others = result.filter((_, axis) => axis !== rest);
    result[rest] = quotient(shape, others) ?? `${context.node.outputs[0]}:${rest}`;
  }
  const [before, after] = [product(shape), product(result)];
  if (typeof before === 'number' && typeof after === 'number' && before !== after) {
    fail(context, `${before} elements cannot take the shape [${result}]`);
  }
  return [{ dataType, shape: result, contents: context.contents(0) }];
};

export const flatten: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const axis = intAttribute(context.node, 'axis', 1);
  // After the last axis is a place too.
  const at = axis === shape.length ? axis : checkedAxis(context, axis, shape.length);
  return [{ dataType, shape: [product(shape.slice(0, at)), product(shape.slice(at))] }];
};

export const transpose: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const order = intsAttribute(context.node, 'perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
  if (order.length !== shape.length || shape.some((_, axis) => !order.includes(axis))) {
    fail(context, `perm [${order}] is no order of the axes`);
  }
  return [{ dataType, shape: order.map((axis) => shape[axis]) }];
};

/** Axes as an attribute before opset 13, as an input since. */
function axesOf(context: InferenceContext): readonly number[] | undefined {
  if (context.inputs[1] === undefined) return intsAttribute(context.node, 'axes');
  return knownInts(context, 1) ?? fail(context, 'the axes must be a constant');
}

export const squeeze: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const axes = axesOf(context)?.map((axis) => checkedAxis(context, axis, shape.length));
  const gone = new Set(axes ?? shape.flatMap((size, axis) => (size === 1 ? [axis] : [])));
  for (const axis of gone) {
    if (typeof shape[axis] === 'number' && shape[axis] !== 1) fail(context, `axis ${axis} is not of size 1`);
  }
  return [{ dataType, shape: shape.filter((_, axis) => !gone.has(axis)), contents: context.contents(0) }];
};

export const unsqueeze: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const axes = axesOf(context) ?? fail(context, 'the axes are missing');
  const rank = shape.length + axes.length;
  const added = new Set(axes.map((axis) => checkedAxis(context, axis, rank)));
  const rest = [...shape];
  const result = Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.shift() ?? 1)));
  return [{ dataType, shape: result, contents: context.contents(0) }];
};

export const expand: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const result = broadcast(shape, askedShape(context, 1));
  return [
    { dataType, shape: result ?? fail(context, 'the input does not broadcast to the shape asked for') },
  ];
};

export const tile: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const repeats = askedShape(context, 1);
  if (repeats.length !== shape.length) fail(context, `${repeats.length} repeats do not fit the rank`);
  return [{ dataType, shape: shape.map((size, axis) => product([size, repeats[axis]])) }];
};

export const shapeOf: InferenceRule = (context) => {
  const { shape } = required(context, 0);
  const start = intAttribute(context.node, 'start', 0);
  const contents = shape.slice(start, intAttribute(context.node, 'end', shape.length));
  return [{ dataType: 'int64', shape: [contents.length], contents }];
};

export const size: InferenceRule = (context) => [
  { dataType: 'int64', shape: [], contents: [product(required(context, 0).shape)] },
];

export const constantOfShape: InferenceRule = (context) => {
  const dataType = tensorOfAttribute(context.node, 'value')?.dataType ?? 'float32';
  return [{ dataType, shape: askedShape(context, 0) }];
};

/** `Constant`: the tensor is an attribute. */
export const constant: InferenceRule = (context) => {
  const value = tensorOfAttribute(context.node, 'value');
  if (value !== undefined) {
    const small = value.dataType === 'int64' && value.shape.length <= 1;
    return [
      { dataType: value.dataType, shape: value.shape, contents: small ? [...toNumbers(value)] : undefined },
    ];
  }
  const attribute = Object.values(context.node.attributes)[0];
  switch (attribute?.kind) {
    case 'int':
      return [{ dataType: 'int64', shape: [], contents: [attribute.value] }];
    case 'ints':
      return [{ dataType: 'int64', shape: [attribute.value.length], contents: attribute.value }];
    case 'float':
      return [{ dataType: 'float32', shape: [] }];
    case 'floats':
      return [{ dataType: 'float32', shape: [attribute.value.length] }];
    default:
      return fail(context, 'a constant must be a tensor or numbers');
  }
};

export const range: InferenceRule = (context) => {
  const { dataType } = required(context, 0);
  const bounds = [0, 1, 2].map((index) => {
    const tensor = context.constant(index);
    return tensor === undefined ? context.contents(index)?.[0] : toNumbers(tensor)[0];
  });
  const [start, limit, delta] = bounds;
  if (delta === 0) fail(context, 'a range of steps of 0 never ends');
  if (typeof start === 'number' && typeof limit === 'number' && typeof delta === 'number') {
    return [{ dataType, shape: [Math.max(0, Math.ceil((limit - start) / delta))] }];
  }
  const whole = start === 0 && delta === 1 ? limit : undefined;
  return [{ dataType, shape: [whole ?? `${context.node.outputs[0]}:0`] }];
};
