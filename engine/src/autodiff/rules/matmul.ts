import { intsAttribute } from '../../onnx/attributes.js';
import { product } from '../../onnx/dimensions.js';
import { type GraphBuilder, isStatic, type Value } from '../../onnx/index.js';
import { type GradientContext, type GradientRule, input, outputGradient } from '../context.js';
import { gemm, reshape, reshapeLike, sumTo, transposeMatrix } from '../expressions.js';

/**
 * dA = dY·Bᵀ and dB = Aᵀ·dY, summed over broadcast batch dimensions. Two matrices take Gemm, which transposes
 * for free; when only A has batch dimensions (a dense layer over sequences) they are rows of one product.
 */
export const matmul: GradientRule = (context) => {
  const { builder: b } = context;
  const [a, w] = [input(context, 0), input(context, 1)];
  // A vector is a matrix with one row on the left, with one column on the right.
  const left = a.shape.length === 1 ? reshape(b, a, [1, ...a.shape]) : a;
  const right = w.shape.length === 1 ? reshape(b, w, [...w.shape, 1]) : w;
  const dy = asMatrix(b, outputGradient(context), left, right);
  const flat = right.shape.length === 2;
  const source = transposedFrom(context, w);
  if (context.needs(0)) {
    const gradient =
      left.shape.length === 2 && flat
        ? gemm(b, dy, source ?? right, { transB: source === undefined })
        : sumTo(b, b.op('MatMul', [dy, source ?? transposeMatrix(b, right)]), left);
    context.give(0, reshapeLike(b, gradient, a));
  }
  if (!context.needs(1)) return;
  if (source !== undefined) {
    const gradient = flat
      ? gemm(b, rows(b, dy), rows(b, left), { transA: true })
      : sumTo(b, b.op('MatMul', [transposeMatrix(b, dy), left]), source);
    context.giveTo(source, gradient);
  } else {
    const gradient = flat
      ? gemm(b, rows(b, left), rows(b, dy), { transA: true })
      : sumTo(b, b.op('MatMul', [transposeMatrix(b, left), dy]), right);
    context.give(1, reshapeLike(b, gradient, w));
  }
};

/**
 * What the second operand is the transposition of, as a weight `[out, in]` or the keys of attention, where nobody asks for the
 * gradient between the two: a product with the operands exchanged gives what would have to be transposed back.
 */
function transposedFrom({ builder, isAsked }: GradientContext, w: Value): Value | undefined {
  const node = builder.producerOf(w);
  const rank = w.shape.length;
  if (node?.opType !== 'Transpose' || node.domain !== '' || rank < 2 || isAsked(w)) return undefined;
  const order = intsAttribute(node, 'perm') ?? w.shape.map((_, axis) => rank - 1 - axis);
  const swapped = w.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  const source = builder.value(node.inputs[0]);
  return isStatic(source.shape) && order.every((axis, at) => axis === swapped[at]) ? source : undefined;
}

/** The gradient with the axes that vectors lost. */
function asMatrix(b: GraphBuilder, dy: Value, left: Value, right: Value): Value {
  const rank = Math.max(left.shape.length, right.shape.length);
  if (dy.shape.length === rank) return dy;
  const batch = dy.shape.slice(0, rank - 2);
  return reshape(b, dy, [...batch, left.shape[left.shape.length - 2], right.shape[right.shape.length - 1]]);
}

/** All but the last axis as one. */
function rows(b: GraphBuilder, x: Value): Value {
  return reshape(b, x, [product(x.shape.slice(0, -1)), x.shape[x.shape.length - 1]]);
}
