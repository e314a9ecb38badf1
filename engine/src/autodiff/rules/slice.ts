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
    const taken = { ...slicedRange(size, starts[i], ends[i], steps[i]), step: steps[i] };
    gradient = scatter(context.builder, gradient, axis, size, taken);
  });
  context.give(0, gradient);
};

function bounds(context: GradientContext, index: number): readonly number[] {
  const value = context.inputs[index];
  const contents = value && context.builder.contentsOf(value);
  if (contents === undefined) unsupported(context, 'its bounds are not known', 'make them constants');
  return contents.map(Number);
}

interface Taken {
  readonly first: number;
  readonly count: number;
  readonly step: number;
}

/** Puts the elements along an axis where they were taken from an axis of `size` elements, zeros elsewhere. */
function scatter(b: GraphBuilder, gradient: Value, axis: number, size: number, taken: Taken): Value {
  const { first, count } = taken;
  const [turned, lowest] =
    taken.step > 0 ? [gradient, first] : [reversed(b, gradient, axis), first + (count - 1) * taken.step];
  const step = count > 1 ? Math.abs(taken.step) : 1;
  const spaced = step === 1 ? turned : spread(b, turned, axis, step);
  return padAxis(b, spaced, axis, lowest, size - lowest - count * step);
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
