/** The stored forms of a tensor: raw bytes, or lists of numbers by type. */
import { onnx } from '../../generated/onnx.js';
import { allocate, bytesPerElement, dataTypeOfCode, viewBytes } from './data-types.js';
import { OnnxError } from './errors.js';
import type { DataType, Tensor, TensorData } from './graph.js';

/** Where a tensor lies that is not in the model's own file. */
export interface ExternalPart {
  /** Relative to the model's folder. */
  readonly location: string;
  /** In bytes. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
}

/** Gives the bytes of such a tensor. */
export type ReadExternal = (part: ExternalPart, place: string) => Uint8Array;

/** Reads a `TensorProto`; `place` names it in errors. */
export function readTensor(
  message: onnx.TensorProto.$Properties,
  place: string,
  external?: ReadExternal,
): Tensor {
  const dataType = dataTypeOfCode(message.dataType ?? 0, place);
  const shape = (message.dims ?? []).map(Number);
  if (shape.some((size) => !Number.isSafeInteger(size) || size < 0)) {
    throw new OnnxError('onnx/inconsistent', `${place} has the impossible shape [${shape}]`);
  }
  const count = shape.reduce((total, size) => total * size, 1);
  if (message.dataLocation === onnx.TensorProto.DataLocation.EXTERNAL) {
    const bytes = externalBytes(message, count * bytesPerElement(dataType), place, external);
    return { dataType, shape, data: viewBytes(dataType, bytes) };
  }
  const data = rawData(message, dataType, count, place) ?? listedData(message, dataType, count, place);
  return { dataType, shape, data };
}

function externalBytes(
  message: onnx.TensorProto.$Properties,
  expected: number,
  place: string,
  external: ReadExternal | undefined,
): Uint8Array {
  if (external === undefined) {
    throw new OnnxError(
      'onnx/unsupported',
      `${place} is stored in a file beside the model; save the model as one file (onnx.save without save_as_external_data)`,
    );
  }
  const entries = new Map((message.externalData ?? []).map(({ key, value }) => [key ?? '', value ?? '']));
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? expected);
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new OnnxError('onnx/inconsistent', `${place} has the impossible offset ${offset}`);
  }
  if (length !== expected) throw wrongSize(place, expected, length, 'bytes');
  return external({ location: entries.get('location') ?? '', offset, length }, place);
}

function rawData(
  { rawData: bytes }: onnx.TensorProto.$Properties,
  dataType: DataType,
  count: number,
  place: string,
): TensorData | undefined {
  if (!bytes) return undefined;
  const expected = count * bytesPerElement(dataType);
  if (bytes.byteLength !== expected) throw wrongSize(place, expected, bytes.byteLength, 'bytes');
  return viewBytes(dataType, bytes);
}

/** Which list a type is stored in is said at each field of `TensorProto` in onnx.proto. */
function listedData(
  message: onnx.TensorProto.$Properties,
  dataType: DataType,
  count: number,
  place: string,
): TensorData {
  const list = listOf(message, dataType);
  if (list.length !== count) throw wrongSize(place, count, list.length, 'elements');
  const data = allocate(dataType, count);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    list.forEach((value, i) => {
      data[i] = BigInt(value.toString());
    });
  } else {
    list.forEach((value, i) => {
      data[i] = Number(value);
    });
  }
  return data;
}

type Listed = readonly (number | { toString(): string })[];

function listOf(message: onnx.TensorProto.$Properties, dataType: DataType): Listed {
  switch (dataType) {
    case 'float32':
      return message.floatData ?? [];
    case 'float64':
      return message.doubleData ?? [];
    case 'int64':
      return message.int64Data ?? [];
    case 'uint32':
    case 'uint64':
      return message.uint64Data ?? [];
    default:
      return message.int32Data ?? [];
  }
}

function wrongSize(place: string, expected: number, actual: number, unit: string): OnnxError {
  return new OnnxError(
    'onnx/inconsistent',
    `${place} should have ${expected} ${unit} by its shape, but has ${actual}; the file is damaged`,
  );
}
