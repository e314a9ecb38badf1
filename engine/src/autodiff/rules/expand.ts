import { product } from '../../onnx/dimensions.js';
import { type GradientRule, input, outputGradient } from '../context.js';
import { reduceSum, reshape, reshapeLike, sumTo } from '../expressions.js';

export const expand: GradientRule = (context) => {
  context.give(0, sumTo(context.builder, outputGradient(context), input(context, 0)));
};

/** Repetitions are an axis of their own before the axis they repeat, and are summed. */
export const tile: GradientRule = (context) => {
  const { builder: b } = context;
  const x = input(context, 0);
  const dy = outputGradient(context);
  const apart = x.shape.flatMap((size, axis) => {
    const whole = dy.shape[axis];
    return [size === whole ? 1 : typeof size === 'number' ? Number(whole) / size : -1, size];
  });
  const repeats = x.shape.map((_, axis) => 2 * axis);
  context.give(
    0,
    product(x.shape) === product(dy.shape)
      ? reshapeLike(b, dy, x)
      : reduceSum(b, reshape(b, dy, apart), repeats, false),
  );
};
