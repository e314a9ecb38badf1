import { intAttribute } from '../attributes.js';
import { broadcast } from '../dimensions.js';
import type { Dimension } from '../graph.js';
import { fail, type InferenceContext, type InferenceRule, required, sameTypes } from './context.js';

function sameInner(context: InferenceContext, a: Dimension, b: Dimension): void {
  if (typeof a === 'number' && typeof b === 'number' && a !== b) {
    fail(context, `the inner dimensions ${a} and ${b} differ`);
  }
}

/** `MatMul`: of one type. */
export const matmul: InferenceRule = (context) => [
  { dataType: sameTypes(context, [0, 1]), shape: productShape(context) },
];

/** NumPy's rule: batch dimensions broadcast, vectors lose their axis. */
export function productShape(context: InferenceContext): readonly Dimension[] {
  const [a, b] = [required(context, 0), required(context, 1)];
  if (a.shape.length === 0 || b.shape.length === 0) fail(context, 'scalars have no matrix product');
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  sameInner(context, left[left.length - 1], right[right.length - 2]);
  const batch =
    broadcast(left.slice(0, -2), right.slice(0, -2)) ??
    fail(context, 'the batch dimensions do not broadcast');
  const shape = [...batch];
  if (a.shape.length > 1) shape.push(left[left.length - 2]);
  if (b.shape.length > 1) shape.push(right[right.length - 1]);
  return shape;
}

/** `Gemm`: matrices, each possibly transposed. */
export const gemm: InferenceRule = (context) => {
  const [a, b] = [required(context, 0), required(context, 1)];
  if (a.shape.length !== 2 || b.shape.length !== 2) fail(context, 'Gemm multiplies two matrices');
  const left = intAttribute(context.node, 'transA', 0) ? [a.shape[1], a.shape[0]] : a.shape;
  const right = intAttribute(context.node, 'transB', 0) ? [b.shape[1], b.shape[0]] : b.shape;
  sameInner(context, left[1], right[0]);
  return [{ dataType: sameTypes(context, [0, 1]), shape: [left[0], right[1]] }];
};
