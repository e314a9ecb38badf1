/** The protocol's names of data types, and the tensors behind them. */
import { type TensorData, type TensorDataType, tensorArrays } from '@starling/engine/serving';
import { InferenceError } from './errors.js';

const protocolNames = {
  bool: 'BOOL',
  uint8: 'UINT8',
  int8: 'INT8',
  uint16: 'UINT16',
  int16: 'INT16',
  uint32: 'UINT32',
  int32: 'INT32',
  uint64: 'UINT64',
  int64: 'INT64',
  float32: 'FP32',
  float64: 'FP64',
} as const satisfies Record<TensorDataType, string>;

export type ProtocolDataType = (typeof protocolNames)[TensorDataType];

export function protocolName(dataType: TensorDataType): ProtocolDataType {
  return protocolNames[dataType];
}

const byteLimits: Readonly<Partial<Record<TensorDataType, readonly [number, number]>>> = {
  bool: [0, 1],
  uint8: [0, 0xff],
  int8: [-0x80, 0x7f],
  uint16: [0, 0xffff],
  int16: [-0x8000, 0x7fff],
  uint32: [0, 0xffffffff],
  int32: [-0x80000000, 0x7fffffff],
};

/**
 * Numbers or booleans of a message as the array of a tensor.
 *
 * @param place what to name where an element does not fit
 * @throws InferenceError `inference/invalid-request`
 */
export function toTensorData(
  values: ArrayLike<unknown>,
  dataType: TensorDataType,
  place: string,
): TensorData {
  const data = new tensorArrays[dataType](values.length);
  if (dataType === 'float32' || dataType === 'float64') {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value !== 'number') throw misfit(place, i, dataType);
      data[i] = value;
    }
    return data;
  }
  const wide = dataType === 'int64' || dataType === 'uint64';
  const [least, most] = byteLimits[dataType] ?? [
    dataType === 'uint64' ? 0 : Number.MIN_SAFE_INTEGER,
    Number.MAX_SAFE_INTEGER,
  ];
  for (let i = 0; i < values.length; i++) {
    const value = dataType === 'bool' && typeof values[i] === 'boolean' ? Number(values[i]) : values[i];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
      throw misfit(place, i, dataType);
    }
    if (wide) (data as BigInt64Array)[i] = BigInt(value);
    else data[i] = value;
  }
  return data;
}

function misfit(place: string, index: number, dataType: TensorDataType): InferenceError {
  return new InferenceError(
    'inference/invalid-request',
    `Element ${index} of ${place} is not ${protocolNames[dataType]}; send numbers that this type holds.`,
  );
}

/** Little-endian bytes as the array of a tensor: a view where they are aligned, a copy where not. */
export function fromRaw(bytes: Uint8Array, dataType: TensorDataType, place: string): TensorData {
  const Values = tensorArrays[dataType];
  const width = Values.BYTES_PER_ELEMENT;
  if (bytes.byteLength % width !== 0) {
    throw new InferenceError(
      'inference/invalid-request',
      `The ${bytes.byteLength} bytes of ${place} are no whole number of ${protocolNames[dataType]} elements of ${width} bytes.`,
    );
  }
  const aligned = bytes.byteOffset % width === 0 ? bytes : Uint8Array.from(bytes);
  return new Values(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / width);
}

/** The little-endian bytes of a tensor; a view. */
export function rawBytes(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Elements as JSON has them. */
export function jsonNumbers(data: TensorData, dataType: TensorDataType): readonly (number | boolean)[] {
  if (dataType === 'bool') return Array.from(data as Uint8Array, (value) => value !== 0);
  return Array.from(data as ArrayLike<number | bigint>, Number);
}
