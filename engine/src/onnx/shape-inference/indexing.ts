/** Operators that take parts of tensors, or put parts together. */
import { intAttribute, intsAttribute } from '../attributes.js';
import type { Dimension } from '../graph.js';
import { toNumbers } from '../tensors.js';
import {
  checkedAxis,
  fail,
  type InferenceContext,
  type InferenceRule,
  knownInts,
  required,
  sameTypes,
} from './context.js';

export const concat: InferenceRule = (context) => {
  const { shape } = required(context, 0);
  const dataType = sameTypes(context, [...context.inputs.keys()]);
  const axis = checkedAxis(context, intAttribute(context.node, 'axis', 0), shape.length);
  const parts = context.inputs.map((_, index) => required(context, index).shape);
  if (parts.some((part) => part.length !== shape.length)) fail(context, 'the parts differ in rank');
  const misfit = parts.findIndex((part) =>
    part.some(
      (size, at) =>
        at !== axis && typeof size === 'number' && typeof shape[at] === 'number' && size !== shape[at],
    ),
  );
  if (misfit >= 0) fail(context, `part ${misfit} differs from the first in another axis than ${axis}`);
  const sizes = parts.map((part) => part[axis]);
  const total = sizes.every((size) => typeof size === 'number')
    ? sizes.reduce<number>((sum, size) => sum + size, 0)
    : sizes.join('+');
  const contents: Dimension[] = [];
  for (let index = 0; index < parts.length; index++) {
    const part = context.contents(index);
    if (part === undefined) return [{ dataType, shape: shape.map((size, i) => (i === axis ? total : size)) }];
    contents.push(...part);
  }
  return [{ dataType, shape: shape.map((size, i) => (i === axis ? total : size)), contents }];
};

export const split: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const axis = checkedAxis(context, intAttribute(context.node, 'axis', 0), shape.length);
  const count = context.node.outputs.length;
  const whole = shape[axis];
  const sizes =
    intsAttribute(context.node, 'split') ??
    (context.inputs[1] === undefined ? equalParts(context, whole, count) : givenParts(context));
  const total = sizes.reduce((sum, part) => sum + part, 0);
  if (typeof whole === 'number' && total !== whole)
    fail(context, `parts [${sizes}] are not ${whole} together`);
  return sizes.map((part) => ({ dataType, shape: shape.map((size, i) => (i === axis ? part : size)) }));
};

/** More parts than the contents of small values are followed for, where a large model's parameters are split. */
function givenParts(context: InferenceContext): readonly number[] {
  const stored = context.constant(1);
  return stored
    ? [...toNumbers(stored)]
    : (knownInts(context, 1) ?? fail(context, 'its parts must be constants'));
}

function equalParts(context: InferenceContext, whole: Dimension, count: number): readonly number[] {
  if (typeof whole !== 'number') fail(context, 'a dimension of unknown size cannot be split evenly');
  const part = Math.ceil(whole / count);
  return Array.from({ length: count }, (_, index) => Math.min(part, whole - index * part));
}

/** Starts, ends, axes and steps of a `Slice`, resolved against sizes; undefined where they are not known. */
export const slice: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const starts = intsAttribute(context.node, 'starts') ?? knownInts(context, 1);
  const ends = intsAttribute(context.node, 'ends') ?? knownInts(context, 2);
  const given = intsAttribute(context.node, 'axes') ?? (context.inputs[3] && knownInts(context, 3));
  if (starts === undefined || ends === undefined) fail(context, 'the bounds must be constants');
  const axes = (given ?? starts.map((_, axis) => axis)).map((axis) =>
    checkedAxis(context, axis, shape.length),
  );
  const steps = (context.inputs[4] && knownInts(context, 4)) ?? starts.map(() => 1);
  if ([starts, ends, steps].some(({ length }) => length !== axes.length) || steps.includes(0)) {
    fail(context, `starts [${starts}], ends [${ends}] and steps [${steps}] of axes [${axes}] make no slice`);
  }
  const result = [...shape];
  axes.forEach((axis, i) => {
    result[axis] =
      slicedSize(shape[axis], starts[i], ends[i], steps[i]) ?? `${context.node.outputs[0]}:${axis}`;
  });
  const contents = context.contents(0);
  if (contents === undefined || shape.length !== 1) return [{ dataType, shape: result }];
  const { first, count } = slicedRange(contents.length, starts[0], ends[0], steps[0]);
  const taken = Array.from({ length: count }, (_, i) => contents[first + i * steps[0]]);
  return [{ dataType, shape: result, contents: taken }];
};

function slicedSize(size: Dimension, start: number, end: number, step: number): Dimension | undefined {
  if (typeof size === 'number') return slicedRange(size, start, end, step).count;
  // The whole of an axis of unknown size.
  return start === 0 && step === 1 && end >= 2 ** 31 - 1 ? size : undefined;
}

/** The first index along an axis of `size` that a slice takes, and how many it takes. */
export function slicedRange(
  size: number,
  start: number,
  end: number,
  step: number,
): { readonly first: number; readonly count: number } {
  // Forward from an element to before another or the end; backward it may end before the first.
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clamp = (index: number) => Math.max(low, Math.min(high, index < 0 ? index + size : index));
  const first = clamp(start);
  return { first, count: Math.max(0, Math.ceil((clamp(end) - first) / step)) };
}

export const gather: InferenceRule = (context) => {
  const [data, indices] = [required(context, 0), required(context, 1)];
  const axis = checkedAxis(context, intAttribute(context.node, 'axis', 0), data.shape.length);
  const shape = [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)];
  const [elements, picked] = [context.contents(0), knownInts(context, 1)];
  const size = data.shape[axis];
  const beyond =
    typeof size === 'number' ? picked?.find((index) => index < -size || index >= size) : undefined;
  if (beyond !== undefined) fail(context, `index ${beyond} lies beyond axis ${axis}, of size ${size}`);
  const contents = elements && picked?.map((index) => elements[index < 0 ? index + elements.length : index]);
  return [{ dataType: data.dataType, shape, contents }];
};

/** `GatherElements`: shaped like the indices. */
export const gatherElements: InferenceRule = (context) => [
  { dataType: required(context, 0).dataType, shape: required(context, 1).shape },
];

export const gatherND: InferenceRule = (context) => {
  const [data, indices] = [required(context, 0), required(context, 1)];
  const batch = intAttribute(context.node, 'batch_dims', 0);
  const depth = indices.shape[indices.shape.length - 1];
  if (typeof depth !== 'number') fail(context, 'the last dimension of the indices must be known');
  if (batch + depth > data.shape.length)
    fail(context, `indices of ${depth} numbers are too long for the rank`);
  return [
    { dataType: data.dataType, shape: [...indices.shape.slice(0, -1), ...data.shape.slice(batch + depth)] },
  ];
};

export const pad: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const pads =
    intsAttribute(context.node, 'pads') ??
    knownInts(context, 1) ??
    fail(context, 'the pads must be a constant');
  const axes = context.inputs[3] && knownInts(context, 3);
  const named = (axes ?? shape.map((_, axis) => axis)).map((axis) =>
    checkedAxis(context, axis, shape.length),
  );
  if (pads.length !== 2 * named.length) fail(context, `${pads.length} pads do not fit ${named.length} axes`);
  const result = [...shape];
  named.forEach((axis, i) => {
    const added = pads[i] + pads[i + named.length];
    const size = shape[axis];
    result[axis] = typeof size === 'number' ? size + added : added === 0 ? size : `${size}+${added}`;
  });
  return [{ dataType, shape: result }];
};

export const oneHot: InferenceRule = (context) => {
  const [indices, values] = [required(context, 0), required(context, 2)];
  const depth = context.contents(1)?.[0] ?? `${context.node.outputs[0]}:depth`;
  const rank = indices.shape.length + 1;
  const axis = checkedAxis(context, intAttribute(context.node, 'axis', -1), rank);
  return [
    {
      dataType: values.dataType,
      shape: [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)],
    },
  ];
};
