/** The element types of ONNX that Starling handles: their protobuf numbers, sizes and arrays. */
import { OnnxError } from './errors.js';
import type { DataType, TensorData } from './graph.js';

interface DataTypeTraits {
  /** `TensorProto.DataType` of onnx.proto. */
  readonly code: number;
  readonly bytes: number;
  readonly fromBuffer: (buffer: ArrayBufferLike, byteOffset: number, length: number) => TensorData;
}

const traits: Readonly<Record<DataType, DataTypeTraits>> = {
  float32: { code: 1, bytes: 4, fromBuffer: (b, o, n) => new Float32Array(b, o, n) },
  uint8: { code: 2, bytes: 1, fromBuffer: (b, o, n) => new Uint8Array(b, o, n) },
  int8: { code: 3, bytes: 1, fromBuffer: (b, o, n) => new Int8Array(b, o, n) },
  uint16: { code: 4, bytes: 2, fromBuffer: (b, o, n) => new Uint16Array(b, o, n) },
  int16: { code: 5, bytes: 2, fromBuffer: (b, o, n) => new Int16Array(b, o, n) },
  int32: { code: 6, bytes: 4, fromBuffer: (b, o, n) => new Int32Array(b, o, n) },
  int64: { code: 7, bytes: 8, fromBuffer: (b, o, n) => new BigInt64Array(b, o, n) },
  bool: { code: 9, bytes: 1, fromBuffer: (b, o, n) => new Uint8Array(b, o, n) },
  float16: { code: 10, bytes: 2, fromBuffer: (b, o, n) => new Uint16Array(b, o, n) },
  float64: { code: 11, bytes: 8, fromBuffer: (b, o, n) => new Float64Array(b, o, n) },
  uint32: { code: 12, bytes: 4, fromBuffer: (b, o, n) => new Uint32Array(b, o, n) },
  uint64: { code: 13, bytes: 8, fromBuffer: (b, o, n) => new BigUint64Array(b, o, n) },
};

const byCode: ReadonlyMap<number, DataType> = new Map(
  (Object.keys(traits) as DataType[]).map((dataType) => [traits[dataType].code, dataType]),
);

/** The number that onnx.proto gives the type. */
export function dataTypeCode(dataType: DataType): number {
  return traits[dataType].code;
}

/** The type of a number of onnx.proto; `place` names the value in the error for types not handled. */
export function dataTypeOfCode(code: number, place: string): DataType {
  const dataType = byCode.get(code);
  if (dataType === undefined) {
    throw new OnnxError(
      'onnx/unsupported',
      `${place} has element type ${code} of onnx.proto, which is not handled: convert it to one of ${Object.keys(traits).join(', ')}`,
    );
  }
  return dataType;
}

/** Size of one element. */
export function bytesPerElement(dataType: DataType): number {
  return traits[dataType].bytes;
}

/** A zeroed array for `length` elements. */
export function allocate(dataType: DataType, length: number): TensorData {
  return traits[dataType].fromBuffer(new ArrayBuffer(length * traits[dataType].bytes), 0, length);
}

/** A view of little-endian bytes as elements; copies only where the bytes are not aligned. */
export function viewBytes(dataType: DataType, bytes: Uint8Array): TensorData {
  const { bytes: size, fromBuffer } = traits[dataType];
  const source = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return fromBuffer(source.buffer, source.byteOffset, source.byteLength / size);
}

/** Whether the type has a fraction, so that a gradient can be taken of it. */
export function isFloatingPoint(dataType: DataType): boolean {
  return dataType === 'float32' || dataType === 'float64' || dataType === 'float16';
}
