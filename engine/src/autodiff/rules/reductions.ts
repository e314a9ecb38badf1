import { intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { normalizeAxis } from '../../onnx/dimensions.js';
import type { Value } from '../../onnx/index.js';
import {
  type GradientContext,
  type GradientRule,
  input,
  output,
  outputGradient,
  staticShape,
  unsupported,
} from '../context.js';
import { div, expandLike, mul, reduceSum, reshape, scale, sub } from '../expressions.js';
import { zeroMask } from '../positive-mask.js';

/** The axes that were summed away, counted from the front. */
function reducedAxes(context: GradientContext): readonly number[] {
  const { builder, node } = context;
  const rank = input(context, 0).shape.length;
  const named =
    context.inputs[1] === undefined ? intsAttribute(node, 'axes') : builder.contentsOf(context.inputs[1]);
  if (context.inputs[1] !== undefined && named === undefined) {
    unsupported(context, 'its axes are not known', 'make them a constant');
  }
  const axes = (named ?? []).map((axis) => normalizeAxis(Number(axis), rank));
  if (axes.length > 0 || intAttribute(node, 'noop_with_empty_axes', 0) !== 0) return axes;
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** A value of the output's shape, with the reduced axes kept as 1. */
function kept(context: GradientContext, value: Value, axes: readonly number[]): Value {
  const shape = input(context, 0).shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  return reshape(context.builder, value, shape);
}

export const reduceSumRule: GradientRule = (context) => {
  const dy = kept(context, outputGradient(context), reducedAxes(context));
  context.give(0, expandLike(context.builder, dy, input(context, 0)));
};

export const reduceMean: GradientRule = (context) => {
  const { builder: b } = context;
  const x = input(context, 0);
  const axes = reducedAxes(context);
  const sizes = staticShape(
    context,
    axes.map((axis) => x.shape[axis]),
    'what is averaged',
  );
  const dy = scale(
    b,
    kept(context, outputGradient(context), axes),
    1 / sizes.reduce((n, size) => n * size, 1),
  );
  context.give(0, expandLike(b, dy, x));
};

/** Elements equal to the extremum share its gradient. `sign` is 1 for the maximum, -1 for the minimum. */
const reduceExtremum =
  (sign: 1 | -1): GradientRule =>
  (context) => {
    const { builder: b } = context;
    const x = input(context, 0);
    const axes = reducedAxes(context);
    const y = kept(context, output(context), axes);
    const difference = sign === 1 ? sub(b, x, y) : sub(b, y, x);
    const isExtremum = zeroMask(b, difference);
    const share = div(b, kept(context, outputGradient(context), axes), reduceSum(b, isExtremum, axes, true));
    context.give(0, mul(b, isExtremum, share));
  };

export const reduceMax = reduceExtremum(1);
export const reduceMin = reduceExtremum(-1);

/** Σ|x|. */
export const reduceL1: GradientRule = (context) => {
  const { builder: b } = context;
  const dy = kept(context, outputGradient(context), reducedAxes(context));
  context.give(0, mul(b, b.op('Sign', [input(context, 0)]), dy));
};

/** √Σx²: dx = x · dy / y. */
export const reduceL2: GradientRule = (context) => {
  const { builder: b } = context;
  const ratio = div(b, outputGradient(context), output(context));
  context.give(0, mul(b, input(context, 0), kept(context, ratio, reducedAxes(context))));
};

/** Σx². */
export const reduceSumSquare: GradientRule = (context) => {
  const { builder: b } = context;
  const dy = scale(b, outputGradient(context), 2);
  context.give(0, mul(b, input(context, 0), kept(context, dy, reducedAxes(context))));
};

/** log Σeˣ: dx = e^(x - y) · dy. */
export const reduceLogSumExp: GradientRule = (context) => {
  const { builder: b } = context;
  const axes = reducedAxes(context);
  const weights = b.op('Exp', [sub(b, input(context, 0), kept(context, output(context), axes))]);
  context.give(0, mul(b, weights, kept(context, outputGradient(context), axes)));
};
