import { intAttribute } from '../../onnx/attributes.js';
import { dataTypeCode } from '../../onnx/data-types.js';
import { normalizeAxis } from '../../onnx/dimensions.js';
import { type GraphBuilder, int, string, type Value } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient } from '../context.js';
import { reshapeLike, shapeOf, transpose, zerosLike } from '../expressions.js';

/** Adds every gathered element's gradient where it came from; an index may occur often, as in an embedding. */
export const gather: GradientRule = (context) => {
  const { builder: b } = context;
  const [data, indices] = [input(context, 0), input(context, 1)];
  const rank = data.shape.length;
  const axis = normalizeAxis(intAttribute(context.node, 'axis', 0), rank);
  const dy = outputGradient(context);
  // ScatterND adds along the first axis, so the gathered axes come first and go back afterwards.
  const gathered = indices.shape.map((_, i) => axis + i);
  const others = dy.shape.map((_, i) => i).filter((i) => !gathered.includes(i));
  const first = transpose(b, dy, [...gathered, ...others]);
  const order = [axis, ...data.shape.map((_, i) => i).filter((i) => i !== axis)];
  const zeros = transpose(b, zerosLike(b, data), order);
  // ScatterND takes int64 alone.
  const long =
    indices.dataType === 'int64' ? indices : b.op('Cast', [indices], { to: int(dataTypeCode('int64')) });
  const column = b.op('Unsqueeze', [long, b.ints([-1])]);
  const sum = b.op('ScatterND', [zeros, column, first], { reduction: string('add') });
  context.give(
    0,
    transpose(
      b,
      sum,
      order.map((_, i) => order.indexOf(i)),
    ),
  );
};

export const gatherElements: GradientRule = (context) => {
  const { builder: b } = context;
  const axis = intAttribute(context.node, 'axis', 0);
  const zeros = zerosLike(b, input(context, 0));
  const gradient = b.op('ScatterElements', [zeros, input(context, 1), outputGradient(context)], {
    axis: int(axis),
    reduction: string('add'),
  });
  context.give(0, reshapeLike(b, gradient, input(context, 0)));
};

export const gatherND: GradientRule = (context) => {
  const { builder: b } = context;
  const zeros = zerosLike(b, input(context, 0));
  const indices = withBatch(b, input(context, 1), intAttribute(context.node, 'batch_dims', 0));
  context.give(0, b.op('ScatterND', [zeros, indices, outputGradient(context)], { reduction: string('add') }));
};

/** Indices into an example as indices into the whole batch, which `ScatterND` knows nothing of: each example's own place goes before. */
function withBatch(b: GraphBuilder, indices: Value, batchAxes: number): Value {
  if (batchAxes === 0) return indices;
  const first = b.op('Slice', [indices, b.ints([0]), b.ints([1]), b.ints([-1])]);
  const ones = b.op('Expand', [b.scalar(1, 'int64'), shapeOf(b, first)]);
  const places = Array.from({ length: batchAxes }, (_, axis) =>
    b.op('CumSum', [ones, b.scalar(axis, 'int64')], { exclusive: int(1) }),
  );
  return b.op('Concat', [...places, indices], { axis: int(-1) });
}
