/** Makes tensors, and reads them as numbers. */
import { allocate } from './data-types.js';
import { OnnxError } from './errors.js';
import { float16ToNumber, numberToFloat16 } from './float16.js';
import type { DataType, Tensor, TensorData } from './graph.js';

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}

/** A tensor over existing data (not copied). @throws OnnxError `onnx/inconsistent` if the length does not fit. */
export function tensor(dataType: DataType, shape: readonly number[], data: TensorData): Tensor {
  if (data.length !== elementCount(shape)) {
    throw new OnnxError(
      'onnx/inconsistent',
      `a tensor of shape [${shape}] needs ${elementCount(shape)} elements, but its data has ${data.length}`,
    );
  }
  return { dataType, shape, data };
}

/** A tensor of any type from plain numbers, each rounded or wrapped to the type. */
export function tensorOf(dataType: DataType, shape: readonly number[], values: ArrayLike<number>): Tensor {
  const data = allocate(dataType, values.length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < values.length; i++) data[i] = saturated(Math.trunc(values[i]));
  } else if (dataType === 'float16') {
    for (let i = 0; i < values.length; i++) data[i] = numberToFloat16(values[i]);
  } else if (dataType === 'bool') {
    for (let i = 0; i < values.length; i++) data[i] = values[i] === 0 ? 0 : 1;
  } else {
    for (let i = 0; i < values.length; i++) data[i] = values[i];
  }
  return tensor(dataType, shape, data);
}

/** The largest int64, which means "to the end" in slices, is no exact number: it must not wrap around. */
function saturated(value: number): bigint {
  if (value >= 2 ** 63) return 2n ** 63n - 1n;
  return value <= -(2 ** 63) ? -(2n ** 63n) : BigInt(value);
}

/** The elements as numbers; 64-bit integers beyond 2^53 lose their last bits. */
export function toNumbers(source: Tensor): Float64Array {
  const { data, dataType } = source;
  const numbers = new Float64Array(data.length);
  if (dataType === 'float16') {
    for (let i = 0; i < data.length; i++) numbers[i] = float16ToNumber(Number(data[i]));
  } else if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < data.length; i++) numbers[i] = Number(data[i]);
  } else {
    numbers.set(data);
  }
  return numbers;
}
