import { intAttribute, stringAttribute } from '../onnx/attributes.js';
import { normalizeAxis } from '../onnx/dimensions.js';
import { forEachIndex, given, type Kernel, rearrange, stridesOf } from '../onnx/evaluation/index.js';
import type { Node } from '../onnx/index.js';

const dot = (index: readonly number[], strides: readonly number[]): number =>
  index.reduce((sum, at, axis) => sum + at * strides[axis], 0);

const wrapped = (at: number, size: number): number => (at < 0 ? at + size : at);

/** What is kept of the element that an update meets: all of it where updates are added, nothing where they replace. */
function keptShare(node: Node): 0 | 1 {
  return stringAttribute(node, 'reduction', 'none') === 'add' ? 1 : 0;
}

const scatterElements: Kernel = (node, inputs) => {
  const share = keptShare(node);
  const [x, indices, updates] = [given(inputs, 0), given(inputs, 1), given(inputs, 2)];
  const axis = normalizeAxis(intAttribute(node, 'axis', 0), x.shape.length);
  const strides = stridesOf(x.shape);
  const data = x.data.slice();
  forEachIndex(indices.shape, (index, position) => {
    const target = index.with(axis, wrapped(indices.data[position], x.shape[axis]));
    const to = dot(target, strides);
    data[to] = share * data[to] + updates.data[position];
  });
  return [{ ...x, data }];
};

const scatterND: Kernel = (node, inputs) => {
  const share = keptShare(node);
  const [x, indices, updates] = [given(inputs, 0), given(inputs, 1), given(inputs, 2)];
  const depth = indices.shape[indices.shape.length - 1];
  const size = x.shape.slice(depth).reduce((n, s) => n * s, 1);
  const strides = stridesOf(x.shape);
  const data = x.data.slice();
  for (let row = 0; row * depth < indices.data.length; row++) {
    const tuple = Array.from({ length: depth }, (_, i) => wrapped(indices.data[row * depth + i], x.shape[i]));
    const start = dot(tuple, strides);
    for (let i = 0; i < size; i++) data[start + i] = share * data[start + i] + updates.data[row * size + i];
  }
  return [{ ...x, data }];
};

const gatherElements: Kernel = (node, inputs) => {
  const [x, indices] = [given(inputs, 0), given(inputs, 1)];
  const axis = normalizeAxis(intAttribute(node, 'axis', 0), x.shape.length);
  const [strides, ownStrides] = [stridesOf(x.shape), stridesOf(indices.shape)];
  return [
    rearrange(x, indices.shape, (index) =>
      dot(index.with(axis, wrapped(indices.data[dot(index, ownStrides)], x.shape[axis])), strides),
    ),
  ];
};

const gatherND: Kernel = (node, inputs) => {
  const [x, indices] = [given(inputs, 0), given(inputs, 1)];
  const batchAxes = intAttribute(node, 'batch_dims', 0);
  const named = indices.shape[indices.shape.length - 1];
  const depth = batchAxes + named;
  const outer = indices.shape.slice(0, -1);
  const [strides, ownStrides] = [stridesOf(x.shape), stridesOf(indices.shape)];
  return [
    rearrange(x, [...outer, ...x.shape.slice(depth)], (index) => {
      const row = dot([...index.slice(0, outer.length), 0], ownStrides);
      const tuple = Array.from({ length: named }, (_, i) =>
        wrapped(indices.data[row + i], x.shape[batchAxes + i]),
      );
      return dot([...index.slice(0, batchAxes), ...tuple, ...index.slice(outer.length)], strides);
    }),
  ];
};

export const scatterKernels: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['ScatterElements', scatterElements],
  ['ScatterND', scatterND],
  ['GatherElements', gatherElements],
  ['GatherND', gatherND],
]);
