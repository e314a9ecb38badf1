/** Short names for the operators that gradient rules emit most. */
import { formatShape } from '../onnx/dimensions.js';
import { type Dimension, float, type GraphBuilder, int, ints, isStatic, type Value } from '../onnx/index.js';
import { AutodiffError } from './errors.js';

export const add = (b: GraphBuilder, x: Value, y: Value): Value => b.op('Add', [x, y]);
export const sub = (b: GraphBuilder, x: Value, y: Value): Value => b.op('Sub', [x, y]);
export const mul = (b: GraphBuilder, x: Value, y: Value): Value => b.op('Mul', [x, y]);
export const div = (b: GraphBuilder, x: Value, y: Value): Value => b.op('Div', [x, y]);

/** `x · factor`; nothing is emitted for a factor of 1. */
export function scale(b: GraphBuilder, x: Value, factor: number): Value {
  if (factor === 1) return x;
  return factor === -1 ? b.op('Neg', [x]) : mul(b, x, b.scalar(factor, x.dataType));
}

/** `x + term`. */
export function addScalar(b: GraphBuilder, x: Value, term: number): Value {
  return term === 0 ? x : add(b, x, b.scalar(term, x.dataType));
}

/** Sum over axes; over none it is `x` itself. */
export function reduceSum(
  b: GraphBuilder,
  x: Value,
  axes: readonly number[],
  keepDimensions: boolean,
): Value {
  if (axes.length === 0) return x;
  return b.op('ReduceSum', [x, b.ints(axes)], { keepdims: int(keepDimensions ? 1 : 0) });
}

export function reduceMean(b: GraphBuilder, x: Value, axes: readonly number[]): Value {
  return b.op('ReduceMean', [x, b.ints(axes)], { keepdims: int(1) });
}

export function transpose(b: GraphBuilder, x: Value, order: readonly number[]): Value {
  return order.every((axis, index) => axis === index) ? x : b.op('Transpose', [x], { perm: ints(order) });
}

/** Swaps the last two axes. ONNX Runtime folds this into the `MatMul` that follows. */
export function transposeMatrix(b: GraphBuilder, x: Value): Value {
  const rank = x.shape.length;
  const order = x.shape.map((_, axis) => axis);
  [order[rank - 2], order[rank - 1]] = [rank - 1, rank - 2];
  return transpose(b, x, order);
}

/** Reshapes to known sizes, of which one may be a name. */
export function reshape(b: GraphBuilder, x: Value, shape: readonly Dimension[]): Value {
  if (sameShape(x.shape, shape)) return x;
  const names = shape.filter((size) => typeof size === 'string');
  if (names.length > 1) {
    throw new AutodiffError(
      'autodiff/unsupported',
      `cannot reshape ${x.name} to ${formatShape(shape)}: more than one size is unknown; fix all but one`,
    );
  }
  return b.op('Reshape', [x, b.ints(shape.map((size) => (typeof size === 'number' ? size : -1)))]);
}

/** Reshapes to the shape of `target`, whatever that is. */
export function reshapeLike(b: GraphBuilder, x: Value, target: Value): Value {
  const unknown = target.shape.filter((size) => typeof size === 'string').length;
  return unknown > 1 ? b.op('Reshape', [x, b.op('Shape', [target])]) : reshape(b, x, target.shape);
}

/** The shape of a value as an int64 vector: a constant if it is known, asked for when the graph runs if not. */
export function shapeOf(b: GraphBuilder, x: Value): Value {
  return isStatic(x.shape) ? b.ints(x.shape) : b.op('Shape', [x]);
}

/** Repeats `x` along its axes of size 1 to the shape of `target`. */
export function expandLike(b: GraphBuilder, x: Value, target: Value): Value {
  return sameShape(x.shape, target.shape) ? x : b.op('Expand', [x, shapeOf(b, target)]);
}

/** Zeros of the type and shape of `target`. */
export function zerosLike(b: GraphBuilder, target: Value): Value {
  return b.op('Expand', [b.scalar(0, target.dataType), shapeOf(b, target)]);
}

/** The adjoint of broadcasting: sums `gradient` over the axes along which `target` was repeated. */
export function sumTo(b: GraphBuilder, gradient: Value, target: Value): Value {
  if (sameShape(gradient.shape, target.shape)) return gradient;
  if (sameShape(withoutOnes(gradient.shape), withoutOnes(target.shape))) {
    return reshapeLike(b, gradient, target);
  }
  const extra = gradient.shape.length - target.shape.length;
  const repeated = gradient.shape.flatMap((size, axis) =>
    axis < extra || (target.shape[axis - extra] === 1 && size !== 1) ? [axis] : [],
  );
  const inner = repeated.some((axis) => axis >= extra);
  const summed = reduceSum(b, gradient, repeated, inner);
  return inner && extra > 0 ? reshapeLike(b, summed, target) : summed;
}

const withoutOnes = (shape: readonly Dimension[]): readonly Dimension[] => shape.filter((size) => size !== 1);

/** `coefficient`-scaled matrix product of two matrices, each possibly transposed. */
export function gemm(
  b: GraphBuilder,
  x: Value,
  y: Value,
  options: { transA?: boolean; transB?: boolean; alpha?: number },
): Value {
  return b.op('Gemm', [x, y], {
    ...(options.transA ? { transA: int(1) } : {}),
    ...(options.transB ? { transB: int(1) } : {}),
    ...(options.alpha === undefined || options.alpha === 1 ? {} : { alpha: float(options.alpha) }),
  });
}

export function sameShape(a: readonly Dimension[], b: readonly Dimension[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
