import { intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { int, ints, string, type Value } from '../../onnx/index.js';
import { windowGeometry } from '../../onnx/window-geometry.js';
import {
  type GradientContext,
  type GradientRule,
  input,
  output,
  outputGradient,
  unsupported,
} from '../context.js';
import { mul, reshape, reshapeLike, shapeOf, zerosLike } from '../expressions.js';
import { positiveMask } from '../positive-mask.js';

/**
 * The gradient goes to the element that was the maximum, whose index the pool is asked to give. A pool right
 * after a Relu applies the Relu's mask too, on the pooled tensor, which is smaller: where the maximum is 0,
 * nothing passes. (As gradients add up, other uses of the Relu are not disturbed.)
 */
export const maxPool: GradientRule = (context) => {
  const { builder: b } = context;
  if (intAttribute(context.node, 'storage_order', 0) !== 0) {
    unsupported(context, 'its indices are column-major', 'export it with storage_order 0');
  }
  const x = input(context, 0);
  const before = b.producerOf(x);
  const afterRelu = before?.opType === 'Relu' && before.domain === '' && !context.isAsked(x);
  const y = output(context);
  const dy = afterRelu ? mul(b, outputGradient(context), positiveMask(b, y)) : outputGradient(context);
  const gradient = toMaximum(context, dy, b.requireOutput(context.node, 1));
  context.giveTo(afterRelu ? b.value(before.inputs[0]) : x, gradient);
};

function toMaximum(context: GradientContext, dy: Value, indices: Value): Value {
  const { builder: b } = context;
  const x = input(context, 0);
  const kernel = intsAttribute(context.node, 'kernel_shape') ?? [];
  const { strides, dilations } = windowGeometry(context.node, x.shape.slice(2), kernel);
  const disjoint = kernel.every((size, axis) => strides[axis] >= (size - 1) * dilations[axis] + 1);
  if (disjoint) {
    // The indices say it all; window sizes would only make ONNX Runtime refuse shapes it cannot derive from them.
    const ones = ints(kernel.map(() => 1));
    return b.op('MaxUnpool', [dy, indices, shapeOf(b, x)], { kernel_shape: ones, strides: ones });
  }
  // Windows that overlap may share a maximum: MaxUnpool would keep one of the gradients, they must be added.
  const scattered = b.op(
    'ScatterElements',
    [
      reshape(b, zerosLike(b, x), [-1]),
      b.op('Reshape', [indices, b.ints([-1])]),
      b.op('Reshape', [dy, b.ints([-1])]),
    ],
    { axis: int(0), reduction: string('add') },
  );
  return reshapeLike(b, scattered, x);
}
