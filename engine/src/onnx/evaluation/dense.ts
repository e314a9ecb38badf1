/** Tensors as double-precision numbers, for evaluating graphs here instead of in a runtime. */
import type { DataType, Node, Tensor } from '../graph.js';
import { elementCount, tensorOf, toNumbers } from '../tensors.js';

/** A tensor of any type whose elements are held as doubles (64-bit integers: exact up to 2^53). */
export interface Dense {
  readonly dataType: DataType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Computes the outputs of a node. An omitted optional input is undefined. */
export type Kernel = (node: Node, inputs: readonly (Dense | undefined)[]) => readonly Dense[];

export function fromTensor(stored: Tensor): Dense {
  return { dataType: stored.dataType, shape: stored.shape, data: toNumbers(stored) };
}

export function toTensor({ dataType, shape, data }: Dense): Tensor {
  return tensorOf(dataType, shape, data);
}

/** An input the operator always has. */
export function given(inputs: readonly (Dense | undefined)[], index: number): Dense {
  const value = inputs[index];
  if (value === undefined) throw new Error(`input ${index} is missing`);
  return value;
}

/** An optional integer vector. */
export function integers(input: Dense | undefined): readonly number[] | undefined {
  return input === undefined ? undefined : [...input.data];
}

/** Row-major strides in elements. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Calls `visit` with every index of a shape in row-major order; the array is reused. */
export function forEachIndex(
  shape: readonly number[],
  visit: (index: readonly number[], position: number) => void,
): void {
  const index = new Array<number>(shape.length).fill(0);
  const count = elementCount(shape);
  for (let position = 0; position < count; position++) {
    visit(index, position);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

/** A new tensor whose element at each index is the source's element at the position `from` gives (-1: `fill`). */
export function rearrange(
  source: Dense,
  shape: readonly number[],
  from: (index: readonly number[]) => number,
  fill = 0,
): Dense {
  const data = new Float64Array(elementCount(shape));
  forEachIndex(shape, (index, position) => {
    const at = from(index);
    data[position] = at < 0 ? fill : source.data[at];
  });
  return { dataType: source.dataType, shape, data };
}

/** Rounds or wraps a number as arithmetic of that type would; floating point stays double. */
export function wrapTo(dataType: DataType, value: number): number {
  switch (dataType) {
    case 'bool':
      return value === 0 ? 0 : 1;
    case 'int8':
      return (value << 24) >> 24;
    case 'uint8':
      return value & 0xff;
    case 'int16':
      return (value << 16) >> 16;
    case 'uint16':
      return value & 0xffff;
    case 'int32':
      return value | 0;
    case 'uint32':
      return value >>> 0;
    default:
      return value;
  }
}
