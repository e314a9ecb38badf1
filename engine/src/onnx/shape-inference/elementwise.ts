/** Operators that keep the shape of their first input, or broadcast their inputs. */

import { describe, intAttribute } from '../attributes.js';
import { dataTypeOfCode } from '../data-types.js';
import { broadcast } from '../dimensions.js';
import type { DataType, Dimension } from '../graph.js';
import {
  checkedAxis,
  fail,
  type InferenceContext,
  type InferenceRule,
  required,
  sameTypes,
} from './context.js';

/** One output, shaped and typed like the first input. */
export const likeFirst: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  return [{ dataType, shape, contents: context.contents(0) }];
};

/** Like the first input, along an axis that must be one of its own, if it has any. */
export const alongAxis =
  (absent: number): InferenceRule =>
  (context) => {
    const axis = intAttribute(context.node, 'axis', absent);
    const rank = required(context, 0).shape.length;
    if (rank > 0) checkedAxis(context, axis, rank);
    return likeFirst(context);
  };

/** `CumSum`: its axis is an input. */
export const cumSum: InferenceRule = (context) => {
  const [axis] = context.contents(1) ?? [];
  if (typeof axis === 'number') checkedAxis(context, axis, required(context, 0).shape.length);
  return likeFirst(context);
};

/** Of channels: `[batch, channels, …]`. */
export const ofChannels: InferenceRule = (context) => {
  const { shape } = required(context, 0);
  if (shape.length < 3) fail(context, 'takes [batch, channels, …] with at least one axis more');
  return likeFirst(context);
};

/** One output shaped like the first input, of another type. */
export const likeFirstAs =
  (dataType: DataType): InferenceRule =>
  (context) => [{ dataType, shape: required(context, 0).shape }];

/** `Dropout`: the second output is the mask. */
export const dropout: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  return [
    { dataType, shape },
    { dataType: 'bool', shape },
  ];
};

export const cast: InferenceRule = (context) => {
  const { shape } = required(context, 0);
  const dataType = dataTypeOfCode(intAttribute(context.node, 'to', 0), describe(context.node));
  return [{ dataType, shape, contents: context.contents(0) }];
};

/** `EyeLike`: ones on a diagonal, of the first input's type unless another is named. */
export const eyeLike: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const named = intAttribute(context.node, 'dtype', 0);
  return [{ dataType: named === 0 ? dataType : dataTypeOfCode(named, describe(context.node)), shape }];
};

export function broadcastAll(context: InferenceContext, first: number): readonly Dimension[] {
  let shape: readonly Dimension[] = [];
  for (let index = first; index < context.inputs.length; index++) {
    shape =
      broadcast(shape, required(context, index).shape) ??
      fail(context, 'the inputs do not broadcast to one shape');
  }
  return shape;
}

/** Operators that take any number of inputs from one on; the others here take two. */
const variadic: ReadonlySet<string> = new Set(['Max', 'Mean', 'Min', 'Sum']);

/** The places of all inputs, those among them that may not be missing. */
const everyInput = ({ node, inputs }: InferenceContext): readonly number[] => [
  ...(variadic.has(node.opType) ? [0] : [0, 1]),
  ...inputs.keys(),
];

/** Arithmetic on inputs of one type. */
export const broadcasting: InferenceRule = (context) => [
  {
    dataType: sameTypes(context, everyInput(context)),
    shape: broadcastAll(context, 0),
    contents: sizes(context),
  },
];

/** Comparisons and logic. */
export const broadcastingBool: InferenceRule = (context) => {
  sameTypes(context, everyInput(context));
  return [{ dataType: 'bool', shape: broadcastAll(context, 0) }];
};

/** `Pow` takes its type from the base alone. */
export const pow: InferenceRule = (context) => [
  { dataType: required(context, 0).dataType, shape: broadcastAll(context, 0) },
];

export const where: InferenceRule = (context) => {
  const condition = required(context, 0).dataType;
  if (condition !== 'bool') fail(context, `its condition is ${condition}; compare it with something first`);
  return [{ dataType: sameTypes(context, [1, 2]), shape: broadcastAll(context, 0) }];
};

/** Arithmetic on sizes, so that shapes computed from other shapes stay known. */
function sizes(context: InferenceContext): readonly Dimension[] | undefined {
  const [a, b] = [context.contents(0), context.contents(1)];
  if (a === undefined || b === undefined || context.inputs.length !== 2) return undefined;
  const length = Math.max(a.length, b.length);
  if ((a.length !== length && a.length !== 1) || (b.length !== length && b.length !== 1)) return undefined;
  const result: Dimension[] = [];
  for (let i = 0; i < length; i++) {
    const [left, right] = [a[a.length === 1 ? 0 : i], b[b.length === 1 ? 0 : i]];
    const size = sizeArithmetic(context.node.opType, left, right);
    if (size === undefined) return undefined;
    result.push(size);
  }
  return result;
}

function sizeArithmetic(opType: string, a: Dimension, b: Dimension): Dimension | undefined {
  if (opType === 'Mul' && (a === 1 || b === 1)) return a === 1 ? b : a;
  if (opType === 'Div' && b === 1) return a;
  if ((opType === 'Add' || opType === 'Sub') && b === 0) return a;
  if (opType === 'Add' && a === 0) return b;
  if (typeof a !== 'number' || typeof b !== 'number') return undefined;
  switch (opType) {
    case 'Add':
      return a + b;
    case 'Sub':
      return a - b;
    case 'Mul':
      return a * b;
    case 'Div':
      return b === 0 ? undefined : Math.trunc(a / b);
    default:
      return undefined;
  }
}
