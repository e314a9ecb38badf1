import { intAttribute } from '../../onnx/attributes.js';
import { dataTypeCode } from '../../onnx/data-types.js';
import { normalizeAxis } from '../../onnx/dimensions.js';
import { int, string } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient, unsupported } from '../context.js';
import { reshapeLike, transpose, zerosLike } from '../expressions.js';

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
  if (intAttribute(context.node, 'batch_dims', 0) !== 0) {
    unsupported(context, 'it has batch dimensions', 'put them into the indices');
  }
  const zeros = zerosLike(b, input(context, 0));
  context.give(
    0,
    b.op('ScatterND', [zeros, input(context, 1), outputGradient(context)], { reduction: string('add') }),
  );
};
