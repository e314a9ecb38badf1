import { intAttribute, intsAttribute } from '../attributes.js';
import {
  checkedAxis,
  fail,
  type InferenceContext,
  type InferenceRule,
  knownInts,
  required,
} from './context.js';

/** The axes a reduction names, as an attribute or (opset 13 for ReduceSum, 18 for the others) as an input. */
function reductionAxes(context: InferenceContext): readonly number[] | undefined {
  const attribute = intsAttribute(context.node, 'axes');
  if (attribute !== undefined || context.inputs[1] === undefined) return attribute;
  return knownInts(context, 1) ?? fail(context, 'the axes must be a constant');
}

/** `ReduceSum`, `ReduceMean` and the other reductions; no axes means all, or none with `noop_with_empty_axes`. */
export const reduction: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const named = reductionAxes(context);
  const keep = intAttribute(context.node, 'keepdims', 1) !== 0;
  const empty = named === undefined || named.length === 0;
  if (empty && intAttribute(context.node, 'noop_with_empty_axes', 0) !== 0) return [{ dataType, shape }];
  const axes = new Set(
    empty ? shape.map((_, axis) => axis) : named.map((axis) => checkedAxis(context, axis, shape.length)),
  );
  const reduced = shape.flatMap((size, axis) => (axes.has(axis) ? (keep ? [1] : []) : [size]));
  return [{ dataType, shape: reduced }];
};

/** `ArgMax` and `ArgMin`. */
export const argReduction: InferenceRule = (context) => {
  const { shape } = required(context, 0);
  const axis = checkedAxis(context, intAttribute(context.node, 'axis', 0), shape.length);
  const keep = intAttribute(context.node, 'keepdims', 1) !== 0;
  return [
    { dataType: 'int64', shape: [...shape.slice(0, axis), ...(keep ? [1] : []), ...shape.slice(axis + 1)] },
  ];
};

/** `TopK`: values and indices. */
export const topK: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const axis = checkedAxis(context, intAttribute(context.node, 'axis', -1), shape.length);
  const k = context.contents(1)?.[0] ?? `${context.node.name}:k`;
  const size = shape[axis];
  if (typeof k === 'number' && typeof size === 'number' && (k > size || k < 0)) {
    fail(context, `there are no ${k} among the ${size} of axis ${axis}`);
  }
  const selected = shape.map((size, index) => (index === axis ? k : size));
  return [
    { dataType, shape: selected },
    { dataType: 'int64', shape: selected },
  ];
};
