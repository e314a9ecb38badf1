/** Arrays as they lie in a file: read into memory in their own data type, checked against the file's size first. */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { endianness } from 'node:os';
import type { ExampleDataType } from './contract.js';
import { elementCount } from './contract.js';
import { ExamplesError } from './errors.js';
import { fileBytes, unreadable } from './regular-file.js';

export type StoredValues =
  | Uint8Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/** A whole array in memory: `shape[0]` rows, row-major. */
export interface StoredArray {
  readonly path: string;
  readonly dataType: ExampleDataType;
  readonly shape: readonly number[];
  readonly values: StoredValues;
}

/** Bytes of one element. */
export const elementBytes: Readonly<Record<ExampleDataType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  int32: 4,
  float32: 4,
  float64: 8,
};

/** A view of the right type over all of `buffer`. */
export function valuesOf(dataType: ExampleDataType, buffer: ArrayBuffer): StoredValues {
  switch (dataType) {
    case 'uint8':
      return new Uint8Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'uint16':
      return new Uint16Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
  }
}

/** A file that is open for reading, with its size at that moment. */
export interface OpenFile {
  readonly path: string;
  readonly bytes: number;
  /** Bytes `[position, position + length)`; refuses where the file is shorter. */
  read(position: number, length: number): Promise<Buffer<ArrayBuffer>>;
}

/** What a reader may hold in memory. */
export interface ReadLimits {
  /** Most bytes of all arrays together. */
  readonly bytesMax: number;
}

/** What readers hold where nothing else is said: 2 GiB. */
export const defaultReadLimits: ReadLimits = { bytesMax: 2 ** 31 };

/** Opens `path`, hands it to `use`, and closes it whatever happens. */
export async function withFile<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  let handle: FileHandle;
  try {
    await fileBytes(path);
    handle = await open(path, 'r');
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    const { size } = await handle.stat();
    return await use({
      path,
      bytes: size,
      read: (position, length) => readRange(handle, path, position, length),
    });
  } finally {
    await handle.close();
  }
}

async function readRange(handle: FileHandle, path: string, position: number, length: number) {
  const buffer = Buffer.from(new ArrayBuffer(length));
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) {
      throw truncated(path, position + length, position + filled);
    }
    filled += bytesRead;
  }
  return buffer;
}

function truncated(path: string, wanted: number, found: number): ExamplesError {
  return new ExamplesError(
    'examples/file-malformed',
    path,
    `the file ends after ${found} bytes where its header promises ${wanted}`,
    'Copy it again; the copy seems to have broken off.',
  );
}

/**
 * Reads the data part of an array file. Nothing is allocated before the promised length was compared with
 * the file's real size and with the limit.
 */
export async function readArrayBody(
  file: OpenFile,
  header: {
    readonly dataType: ExampleDataType;
    readonly shape: readonly number[];
    readonly dataStart: number;
    readonly bigEndian: boolean;
  },
  limits: ReadLimits,
): Promise<StoredArray> {
  const { dataType, shape, dataStart } = header;
  const width = elementBytes[dataType];
  checkBodySize(file, shape, width, dataStart, limits);
  const body = await file.read(dataStart, elementCount(shape) * width);
  if (header.bigEndian !== (endianness() === 'BE')) {
    swapBytes(body, width);
  }
  return { path: file.path, dataType, shape, values: valuesOf(dataType, body.buffer) };
}

/** Refuses a promised shape that the file cannot hold or that is above the limit. */
export function checkBodySize(
  file: OpenFile,
  shape: readonly number[],
  width: number,
  dataStart: number,
  limits: ReadLimits,
): void {
  const promised = elementCount(shape) * width;
  const found = file.bytes - dataStart;
  if (!(promised <= found)) {
    throw truncated(file.path, dataStart + promised, file.bytes);
  }
  if (promised < found) {
    throw new ExamplesError(
      'examples/file-malformed',
      file.path,
      `${found - promised} bytes follow the ${promised} that its header promises`,
      'Write the file again with the tool that made it.',
    );
  }
  if (promised > limits.bytesMax) {
    throw new ExamplesError(
      'examples/too-large',
      file.path,
      `its ${promised} bytes are more than the ${limits.bytesMax} that examples may take in memory`,
      'Split the examples or raise the limit.',
    );
  }
}

function swapBytes(body: Buffer, width: number): void {
  if (width === 2) {
    body.swap16();
  } else if (width === 4) {
    body.swap32();
  } else if (width === 8) {
    body.swap64();
  }
}
