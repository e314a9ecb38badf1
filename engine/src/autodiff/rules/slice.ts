import { normalizeAxis } from '../../onnx/dimensions.js';
import type { GraphBuilder, Value } from '../../onnx/index.js';
import { slicedRange } from '../../onnx/shape-inference/index.js';
import {
  type GradientContext,
  type GradientRule,
  input,
  outputGradient,
  staticShape,
  unsupported,
} from '../context.js';
import { reshape } from '../expressions.js';

/** Zeros around, and with a step also between, the gradient's elements. */
export const slice: GradientRule = (context) => {
  const x = input(context, 0);
  const [starts, ends] = [bounds(context, 1), bounds(context, 2)];
  const axes = context.inputs[3] === undefined ? starts.map((_, axis) => axis) : bounds(context, 3);
  const steps = context.inputs[4] === undefined ? starts.map(() => 1) : bounds(context, 4);
  let gradient = outputGradient(context);
  // Nothing was taken: windows that are shifted by nothing are written so.
  if (gradient.shape.includes(0)) return;
  axes.forEach((named, i) => {
    const axis = normalizeAxis(named, x.shape.length);
    if (gradient.shape[axis] === x.shape[axis] && steps[i] === 1) return;
    const [size] = staticShape(context, [x.shape[axis]], 'the sliced axis');
    gradient = scatter(
      context.builder,
      gradient,
      axis,
      size,
      slicedRange(size, starts[i], ends[i], steps[i]),
    );
  });
  context.give(0, gradient);
};

function bounds(context: GradientContext, index: number): readonly number[] {
  const value = context.inputs[index];
  const contents = value && context.builder.contentsOf(value);
  if (contents === undefined) unsupported(context, 'its bounds are not known', 'make them constants');
  return contents.map(Number);
}

/** Puts the elements along an axis at `indices` (evenly spaced) of an axis of `size` zeros. */
function scatter(
  b: GraphBuilder,
  gradient: Value,
  axis: number,
  size: number,
  indices: readonly number[],
): Value {
  const ordered = indices[0] > indices[indices.length - 1] ? [...indices].reverse() : indices;
  const turned = ordered === indices ? gradient : reversed(b, gradient, axis);
  const step = ordered.length > 1 ? ordered[1] - ordered[0] : 1;
  const spaced = step === 1 ? turned : spread(b, turned, axis, step);
  const covered = ordered.length * step;
  return padAxis(b, spaced, axis, ordered[0], size - ordered[0] - covered);
}

function reversed(b: GraphBuilder, x: Value, axis: number): Value {
  const beforeStart = Number.MIN_SAFE_INTEGER;
  return b.op('Slice', [x, b.ints([-1]), b.ints([beforeStart]), b.ints([axis]), b.ints([-1])]);
}

/** Every element followed by `step - 1` zeros. */
function spread(b: GraphBuilder, x: Value, axis: number, step: number): Value {
  const count = Number(x.shape[axis]);
  const apart = reshape(b, x, [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)]);
  const padded = padAxis(b, apart, axis + 1, 0, step - 1);
  return reshape(
    b,
    padded,
    x.shape.map((size, i) => (i === axis ? count * step : size)),
  );
}

/** Zeros before and after along one axis; a negative number cuts. */
function padAxis(b: GraphBuilder, x: Value, axis: number, before: number, after: number): Value {
  if (before === 0 && after === 0) return x;
  const at = (amount: number) => x.shape.map((_, i) => (i === axis ? amount : 0));
  return b.op('Pad', [x, b.ints([...at(before), ...at(after)])]);
}
