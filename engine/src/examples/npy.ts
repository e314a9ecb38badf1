/**
 * NumPy's NPY, versions 1 to 3 (numpy.lib.format): a magic string, a header that is a Python dictionary, then
 * the elements. Little-endian numbers in C order are read; anything that could run code (pickled objects) is not.
 */
import type { ExampleDataType } from './contract.js';
import { elementCount } from './contract.js';
import { ExamplesError } from './errors.js';
import {
  checkBodySize,
  type OpenFile,
  type ReadLimits,
  readArrayBody,
  type StoredArray,
} from './stored-array.js';

const dataTypes: ReadonlyMap<string, ExampleDataType> = new Map([
  ['|u1', 'uint8'],
  ['|b1', 'uint8'],
  ['|i1', 'int8'],
  ['<u2', 'uint16'],
  ['<i2', 'int16'],
  ['<i4', 'int32'],
  ['<f4', 'float32'],
  ['<f8', 'float64'],
]);

const headerBytesMax = 1 << 16;
const rankMax = 9;

/**
 * Reads an NPY file whole. `int64`, NumPy's default for whole numbers, becomes `int32` where every value fits.
 *
 * @throws ExamplesError for other byte orders, Fortran order, objects and structures, and damaged files
 */
export async function readNpy(file: OpenFile, limits: ReadLimits): Promise<StoredArray> {
  const { text, dataStart } = await readHeader(file);
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const axes = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (/'descr'\s*:\s*\[/.test(text)) {
    throw unsupported(file, 'it holds structures', 'Save one plain array per file.');
  }
  if (descr === undefined || order === undefined || axes === undefined) {
    throw malformed(file, 'its header does not name descr, fortran_order and shape');
  }
  if (order === 'True') {
    throw unsupported(file, 'the array is in Fortran order', 'Save numpy.ascontiguousarray(array) instead.');
  }
  const shape = axes
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(Number);
  if (shape.length < 1 || shape.length > rankMax || !shape.every(Number.isSafeInteger)) {
    throw malformed(file, `its shape is not 1 to ${rankMax} sizes`);
  }
  if (descr === '<i8') {
    return readInt64(file, shape, dataStart, limits);
  }
  const dataType = dataTypes.get(descr);
  if (dataType === undefined) {
    throw unsupported(
      file,
      descr.includes('O')
        ? 'it holds Python objects'
        : `elements of type ${JSON.stringify(descr.slice(0, 16))}`,
      `Save array.astype(T) with T one of ${[...dataTypes.keys(), '<i8'].join(', ')}.`,
    );
  }
  return readArrayBody(file, { dataType, shape, dataStart, bigEndian: false }, limits);
}

async function readHeader(file: OpenFile): Promise<{ readonly text: string; readonly dataStart: number }> {
  if (file.bytes < 12) {
    throw malformed(file, 'the file is too short for an NPY header');
  }
  const start = await file.read(0, 12);
  if (start.toString('latin1', 0, 6) !== '\x93NUMPY') {
    throw malformed(file, 'it does not begin with the magic string of an NPY file');
  }
  const version = start[6];
  if (version < 1 || version > 3) {
    throw unsupported(
      file,
      `NPY version ${version}`,
      'Save it with numpy.save, which writes version 1 to 3.',
    );
  }
  const headerStart = version === 1 ? 10 : 12;
  const length = version === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
  if (length > headerBytesMax) {
    throw malformed(file, `its header of ${length} bytes is longer than ${headerBytesMax}`);
  }
  if (file.bytes < headerStart + length) {
    throw malformed(file, 'the file ends within its header');
  }
  const header = await file.read(headerStart, length);
  return { text: header.toString(version === 3 ? 'utf8' : 'latin1'), dataStart: headerStart + length };
}

async function readInt64(
  file: OpenFile,
  shape: readonly number[],
  dataStart: number,
  limits: ReadLimits,
): Promise<StoredArray> {
  checkBodySize(file, shape, 8, dataStart, limits);
  const count = elementCount(shape);
  const values = new Int32Array(count);
  const chunk = 1 << 16;
  for (let first = 0; first < count; first += chunk) {
    const length = Math.min(chunk, count - first);
    const part = await file.read(dataStart + 8 * first, 8 * length);
    for (let i = 0; i < length; i++) {
      const low = part.readInt32LE(8 * i);
      // A 64-bit value fits 32 bits exactly when its upper half is the sign of its lower half.
      if (part.readInt32LE(8 * i + 4) !== low >> 31) {
        throw new ExamplesError(
          'examples/file-unsupported',
          file.path,
          `the int64 at element ${first + i} does not fit 32 bits`,
          "Save array.astype('<f8') if the values are that large.",
        );
      }
      values[first + i] = low;
    }
  }
  return { path: file.path, dataType: 'int32', shape, values };
}

function malformed(file: OpenFile, problem: string): ExamplesError {
  return new ExamplesError('examples/file-malformed', file.path, problem, 'Save it again with numpy.save.');
}

function unsupported(file: OpenFile, problem: string, remedy: string): ExamplesError {
  return new ExamplesError('examples/file-unsupported', file.path, problem, remedy);
}
