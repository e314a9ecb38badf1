/** Writes arrays as files for tests: the readers' independent counterpart. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ExampleDataType } from '../contract.js';

const idxCodes: Readonly<Record<string, number>> = {
  uint8: 0x08,
  int8: 0x09,
  int16: 0x0b,
  int32: 0x0c,
  float32: 0x0d,
  float64: 0x0e,
};

const npyCodes: Readonly<Record<ExampleDataType, string>> = {
  uint8: '|u1',
  int8: '|i1',
  uint16: '<u2',
  int16: '<i2',
  int32: '<i4',
  float32: '<f4',
  float64: '<f8',
};

/** Removed when the running test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-examples-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function elements(dataType: ExampleDataType, values: readonly number[], littleEndian: boolean): Uint8Array {
  const widths = { uint8: 1, int8: 1, uint16: 2, int16: 2, int32: 4, float32: 4, float64: 8 };
  const width = widths[dataType];
  const view = new DataView(new ArrayBuffer(values.length * width));
  const write = (value: number, at: number): void => {
    switch (dataType) {
      case 'uint8':
        view.setUint8(at, value);
        break;
      case 'int8':
        view.setInt8(at, value);
        break;
      case 'uint16':
        view.setUint16(at, value, littleEndian);
        break;
      case 'int16':
        view.setInt16(at, value, littleEndian);
        break;
      case 'int32':
        view.setInt32(at, value, littleEndian);
        break;
      case 'float32':
        view.setFloat32(at, value, littleEndian);
        break;
      case 'float64':
        view.setFloat64(at, value, littleEndian);
        break;
    }
  };
  for (const [index, value] of values.entries()) {
    write(value, index * width);
  }
  return new Uint8Array(view.buffer);
}

/** An IDX file. */
export function idxBytes(
  dataType: ExampleDataType,
  shape: readonly number[],
  values: readonly number[],
): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint8(2, idxCodes[dataType] ?? 0);
  header.setUint8(3, shape.length);
  shape.forEach((size, axis) => {
    header.setUint32(4 + 4 * axis, size);
  });
  return Buffer.concat([new Uint8Array(header.buffer), elements(dataType, values, false)]);
}

/** An NPY file with any header text and body. */
export function rawNpyBytes(dictionary: string, body: Uint8Array, version = 1): Uint8Array {
  const start = version === 1 ? 10 : 12;
  const padding = 64 - ((start + dictionary.length + 1) % 64);
  const text = `${dictionary}${' '.repeat(padding)}\n`;
  const head = Buffer.alloc(start);
  head.write('\x93NUMPY', 'latin1');
  head[6] = version;
  if (version === 1) {
    head.writeUInt16LE(text.length, 8);
  } else {
    head.writeUInt32LE(text.length, 8);
  }
  return Buffer.concat([head, Buffer.from(text, 'latin1'), body]);
}

/** An NPY file as NumPy writes it. */
export function npyBytes(
  dataType: ExampleDataType,
  shape: readonly number[],
  values: readonly number[],
  version = 1,
): Uint8Array {
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dictionary = `{'descr': '${npyCodes[dataType]}', 'fortran_order': False, 'shape': (${axes}), }`;
  return rawNpyBytes(dictionary, elements(dataType, values, true), version);
}

/** A new folder with these files. */
export async function folderWith(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), content);
  }
  return folder;
}
