import { floatAttribute, intAttribute, intsAttribute } from '../onnx/attributes.js';
import { broadcast, normalizeAxis } from '../onnx/dimensions.js';
import {
  type Dense,
  forEachIndex,
  given,
  integers,
  type Kernel,
  rearrange,
  stridesOf,
  zip,
} from '../onnx/evaluation/index.js';
import { elementCount } from '../onnx/index.js';

const matmul: Kernel = (_node, inputs) => {
  const [a, b] = [given(inputs, 0), given(inputs, 1)];
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  const batch = (broadcast(left.slice(0, -2), right.slice(0, -2)) ?? []).map(Number);
  const [rows, inner] = left.slice(-2);
  const columns = right[right.length - 1];
  const data = new Float64Array(elementCount(batch) * rows * columns);
  const at = (shape: readonly number[], index: readonly number[]) => {
    const own = shape.slice(0, -2);
    const strides = stridesOf(own);
    const tail = index.slice(index.length - own.length);
    return tail.reduce((sum, i, axis) => sum + (own[axis] === 1 ? 0 : i * strides[axis]), 0);
  };
  forEachIndex(batch, (index, position) => {
    const [fromA, fromB] = [at(left, index) * rows * inner, at(right, index) * inner * columns];
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < inner; k++)
          sum += a.data[fromA + i * inner + k] * b.data[fromB + k * columns + j];
        data[(position * rows + i) * columns + j] = sum;
      }
    }
  });
  const shape = [...batch];
  if (a.shape.length > 1) shape.push(rows);
  if (b.shape.length > 1) shape.push(columns);
  return [{ dataType: a.dataType, shape, data }];
};

function transposed({ dataType, shape, data }: Dense): Dense {
  const [rows, columns] = shape;
  return rearrange({ dataType, shape, data }, [columns, rows], ([i, j]) => j * columns + i);
}

const gemm: Kernel = (node, inputs) => {
  const [a, b, c] = [given(inputs, 0), given(inputs, 1), inputs[2]];
  const left = intAttribute(node, 'transA', 0) ? transposed(a) : a;
  const right = intAttribute(node, 'transB', 0) ? transposed(b) : b;
  const [product] = matmul(node, [left, right]);
  const alpha = floatAttribute(node, 'alpha', 1);
  const beta = floatAttribute(node, 'beta', 1);
  const terms = c === undefined ? [product] : [product, c];
  return [zip(terms, a.dataType, (x, y = 0) => alpha * x + beta * y)];
};

/** Reduces groups of elements that differ only along the reduced axes. */
const reduction =
  (reduce: (elements: readonly number[]) => number): Kernel =>
  (node, inputs) => {
    const x = given(inputs, 0);
    const rank = x.shape.length;
    const named = integers(inputs[1]) ?? intsAttribute(node, 'axes') ?? [];
    if (named.length === 0 && intAttribute(node, 'noop_with_empty_axes', 0) !== 0) return [x];
    const axes =
      named.length === 0 ? x.shape.map((_, axis) => axis) : named.map((axis) => normalizeAxis(axis, rank));
    const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const strides = stridesOf(kept);
    const groups = Array.from({ length: elementCount(kept) }, (): number[] => []);
    forEachIndex(x.shape, (index, position) => {
      const group = index.reduce((sum, at, axis) => sum + (axes.includes(axis) ? 0 : at * strides[axis]), 0);
      groups[group].push(x.data[position]);
    });
    const keep = intAttribute(node, 'keepdims', 1) !== 0;
    const shape = keep ? kept : kept.filter((_, axis) => !axes.includes(axis));
    return [{ dataType: x.dataType, shape, data: Float64Array.from(groups, reduce) }];
  };

const sum = (elements: readonly number[]): number => elements.reduce((total, x) => total + x, 0);

export const linearKernels: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['MatMul', matmul],
  ['Gemm', gemm],
  ['ReduceSum', reduction(sum)],
  ['ReduceMean', reduction((elements) => sum(elements) / elements.length)],
  ['ReduceMax', reduction((elements) => Math.max(...elements))],
  ['ReduceMin', reduction((elements) => Math.min(...elements))],
  ['ReduceL1', reduction((elements) => sum(elements.map(Math.abs)))],
  ['ReduceL2', reduction((elements) => Math.hypot(...elements))],
  ['ReduceSumSquare', reduction((elements) => sum(elements.map((x) => x * x)))],
  ['ReduceProd', reduction((elements) => elements.reduce((product, x) => product * x, 1))],
  ['ReduceLogSum', reduction((elements) => Math.log(sum(elements)))],
  ['ReduceLogSumExp', reduction((elements) => Math.log(sum(elements.map(Math.exp))))],
]);
