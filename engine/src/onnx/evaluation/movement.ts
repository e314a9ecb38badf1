/** Kernels that move elements, and those that make constants. */
import { intAttribute, intsAttribute, stringAttribute, tensorOfAttribute } from '../attributes.js';
import { normalizeAxis } from '../dimensions.js';
import { slicedRange } from '../shape-inference/index.js';
import { elementCount } from '../tensors.js';
import { zip } from './arithmetic.js';
import { type Dense, fromTensor, given, integers, type Kernel, rearrange, stridesOf } from './dense.js';

const dot = (index: readonly number[], strides: readonly number[]): number =>
  index.reduce((sum, at, axis) => sum + at * strides[axis], 0);

const reshaped = (source: Dense, shape: readonly number[]): Dense => ({ ...source, shape });

const reshape: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const copy = intAttribute(node, 'allowzero', 0) === 0;
  const shape = [...given(inputs, 1).data].map((size, axis) => (size === 0 && copy ? x.shape[axis] : size));
  const rest = shape.indexOf(-1);
  if (rest >= 0) shape[rest] = x.data.length / -elementCount(shape);
  return [reshaped(x, shape)];
};

const flatten: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const axis = intAttribute(node, 'axis', 1);
  const at = axis < 0 ? axis + x.shape.length : axis;
  return [reshaped(x, [elementCount(x.shape.slice(0, at)), elementCount(x.shape.slice(at))])];
};

const squeeze: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const named = integers(inputs[1]) ?? intsAttribute(node, 'axes');
  const axes = named?.map((axis) => normalizeAxis(axis, x.shape.length));
  const gone = (size: number, axis: number) => (axes === undefined ? size === 1 : axes.includes(axis));
  return [
    reshaped(
      x,
      x.shape.filter((size, axis) => !gone(size, axis)),
    ),
  ];
};

const unsqueeze: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const named = integers(inputs[1]) ?? intsAttribute(node, 'axes') ?? [];
  const rank = x.shape.length + named.length;
  const added = named.map((axis) => normalizeAxis(axis, rank));
  const rest = [...x.shape];
  return [
    reshaped(
      x,
      Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : (rest.shift() ?? 1))),
    ),
  ];
};

const transpose: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const order = intsAttribute(node, 'perm') ?? x.shape.map((_, axis) => x.shape.length - 1 - axis);
  const strides = stridesOf(x.shape);
  const moved = order.map((axis) => strides[axis]);
  return [
    rearrange(
      x,
      order.map((axis) => x.shape[axis]),
      (index) => dot(index, moved),
    ),
  ];
};

const expand: Kernel = (_node, inputs) => {
  const x = given(inputs, 0);
  const shape = [...given(inputs, 1).data];
  const ones: Dense = { dataType: 'bool', shape, data: new Float64Array(elementCount(shape)) };
  return [zip([x, ones], x.dataType, (element) => element)];
};

const tile: Kernel = (_node, inputs) => {
  const x = given(inputs, 0);
  const repeats = given(inputs, 1).data;
  const strides = stridesOf(x.shape);
  const shape = x.shape.map((size, axis) => size * repeats[axis]);
  return [
    rearrange(x, shape, (index) =>
      dot(
        index.map((at, axis) => at % x.shape[axis]),
        strides,
      ),
    ),
  ];
};

const concat: Kernel = (node, inputs) => {
  const parts = inputs.map((_, index) => given(inputs, index));
  const { dataType, shape: first } = parts[0];
  const axis = normalizeAxis(intAttribute(node, 'axis', 0), first.length);
  const shape = [...first];
  shape[axis] = parts.reduce((sum, part) => sum + part.shape[axis], 0);
  const data = new Float64Array(elementCount(shape));
  const outer = elementCount(shape.slice(0, axis));
  let position = 0;
  for (let row = 0; row < outer; row++) {
    for (const part of parts) {
      const length = part.data.length / outer;
      data.set(part.data.subarray(row * length, (row + 1) * length), position);
      position += length;
    }
  }
  return [{ dataType, shape, data }];
};

const split: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const axis = normalizeAxis(intAttribute(node, 'axis', 0), x.shape.length);
  const count = node.outputs.length;
  const part = Math.ceil(x.shape[axis] / count);
  const sizes = integers(inputs[1]) ?? node.outputs.map((_, i) => Math.min(part, x.shape[axis] - i * part));
  const strides = stridesOf(x.shape);
  let start = 0;
  return sizes.map((size) => {
    const offset = start * strides[axis];
    start += size;
    const shape = x.shape.map((whole, i) => (i === axis ? size : whole));
    return rearrange(x, shape, (index) => offset + dot(index, strides));
  });
};

const slice: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const starts = integers(inputs[1]) ?? intsAttribute(node, 'starts') ?? [];
  const ends = integers(inputs[2]) ?? intsAttribute(node, 'ends') ?? [];
  const axes = integers(inputs[3]) ?? intsAttribute(node, 'axes') ?? starts.map((_, axis) => axis);
  const steps = integers(inputs[4]) ?? starts.map(() => 1);
  const taken = x.shape.map((size) => ({ first: 0, count: size, step: 1 }));
  axes.forEach((named, i) => {
    const axis = normalizeAxis(named, x.shape.length);
    taken[axis] = { ...slicedRange(x.shape[axis], starts[i], ends[i], steps[i]), step: steps[i] };
  });
  const strides = stridesOf(x.shape);
  const shape = taken.map(({ count }) => count);
  return [
    rearrange(x, shape, (index) =>
      dot(
        index.map((at, axis) => taken[axis].first + at * taken[axis].step),
        strides,
      ),
    ),
  ];
};

const gather: Kernel = (node, inputs) => {
  const [x, indices] = [given(inputs, 0), given(inputs, 1)];
  const axis = normalizeAxis(intAttribute(node, 'axis', 0), x.shape.length);
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const strides = stridesOf(x.shape);
  const pickStrides = stridesOf(indices.shape);
  const picked = indices.shape.length;
  return [
    rearrange(x, shape, (index) => {
      const at = indices.data[dot(index.slice(axis, axis + picked), pickStrides)];
      const source = [
        ...index.slice(0, axis),
        at < 0 ? at + x.shape[axis] : at,
        ...index.slice(axis + picked),
      ];
      return dot(source, strides);
    }),
  ];
};

/** Where an element outside comes from; itself outside where it is to be the constant. */
function paddedFrom(mode: string, at: number, size: number): number {
  if (mode === 'edge') return Math.max(0, Math.min(size - 1, at));
  if (mode === 'wrap') return ((at % size) + size) % size;
  if (mode !== 'reflect' || size === 1) return mode === 'reflect' ? 0 : at;
  const period = 2 * (size - 1);
  const within = ((at % period) + period) % period;
  return Math.min(within, period - within);
}

const pad: Kernel = (node, inputs) => {
  const mode = stringAttribute(node, 'mode', 'constant');
  const x = given(inputs, 0);
  const amounts = integers(inputs[1]) ?? intsAttribute(node, 'pads') ?? [];
  const axes = (integers(inputs[3]) ?? x.shape.map((_, axis) => axis)).map((axis) =>
    normalizeAxis(axis, x.shape.length),
  );
  const before = x.shape.map(() => 0);
  const shape = [...x.shape];
  axes.forEach((axis, i) => {
    before[axis] = amounts[i];
    shape[axis] += amounts[i] + amounts[i + axes.length];
  });
  const strides = stridesOf(x.shape);
  const from = (index: readonly number[]) => {
    const source = index.map((at, axis) => paddedFrom(mode, at - before[axis], x.shape[axis]));
    const inside = source.every((at, axis) => at >= 0 && at < x.shape[axis]);
    return inside ? dot(source, strides) : -1;
  };
  return [rearrange(x, shape, from, inputs[2]?.data[0] ?? 0)];
};

const vector = (values: readonly number[]): Dense => ({
  dataType: 'int64',
  shape: [values.length],
  data: Float64Array.from(values),
});

const shapeOf: Kernel = (node, inputs) => {
  const { shape } = given(inputs, 0);
  return [vector(shape.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', shape.length)))];
};

const size: Kernel = (_node, inputs) => [{ ...vector([given(inputs, 0).data.length]), shape: [] }];

const constantOfShape: Kernel = (node, inputs) => {
  const shape = [...given(inputs, 0).data];
  const value = tensorOfAttribute(node, 'value');
  const fill = value === undefined ? 0 : fromTensor(value).data[0];
  const dataType = value?.dataType ?? 'float32';
  return [{ dataType, shape, data: new Float64Array(elementCount(shape)).fill(fill) }];
};

const constant: Kernel = (node) => {
  const value = tensorOfAttribute(node, 'value');
  if (value !== undefined) return [fromTensor(value)];
  const attribute = Object.values(node.attributes)[0];
  switch (attribute?.kind) {
    case 'int':
      return [{ ...vector([attribute.value]), shape: [] }];
    case 'ints':
      return [vector(attribute.value)];
    case 'float':
      return [{ ...vector([attribute.value]), dataType: 'float32', shape: [] }];
    case 'floats':
      return [{ ...vector(attribute.value), dataType: 'float32' }];
    default:
      throw new Error('a constant must be a tensor or numbers');
  }
};

const range: Kernel = (_node, inputs) => {
  const [start, limit, delta] = [0, 1, 2].map((index) => given(inputs, index).data[0]);
  const length = Math.max(0, Math.ceil((limit - start) / delta));
  const data = Float64Array.from({ length }, (_, i) => start + i * delta);
  return [{ dataType: given(inputs, 0).dataType, shape: [length], data }];
};

const identity: Kernel = (_node, inputs) => [given(inputs, 0)];

export const movement: ReadonlyMap<string, Kernel> = new Map([
  ['Identity', identity],
  ['Reshape', reshape],
  ['Flatten', flatten],
  ['Squeeze', squeeze],
  ['Unsqueeze', unsqueeze],
  ['Transpose', transpose],
  ['Expand', expand],
  ['Tile', tile],
  ['Concat', concat],
  ['Split', split],
  ['Slice', slice],
  ['Gather', gather],
  ['Pad', pad],
  ['Shape', shapeOf],
  ['Size', size],
  ['Constant', constant],
  ['ConstantOfShape', constantOfShape],
  ['Range', range],
]);
