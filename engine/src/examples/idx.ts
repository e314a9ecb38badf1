/** IDX, the format of the MNIST files: a magic number, big-endian sizes, then the elements, big-endian. */
import type { ExampleDataType } from './contract.js';
import { ExamplesError } from './errors.js';
import { type OpenFile, type ReadLimits, readArrayBody, type StoredArray } from './stored-array.js';

const dataTypes: ReadonlyMap<number, ExampleDataType> = new Map([
  [0x08, 'uint8'],
  [0x09, 'int8'],
  [0x0b, 'int16'],
  [0x0c, 'int32'],
  [0x0d, 'float32'],
  [0x0e, 'float64'],
]);

const rankMax = 9;

/**
 * Reads an IDX file whole.
 *
 * @throws ExamplesError where the magic number is wrong or the sizes are not the file's
 */
export async function readIdx(file: OpenFile, limits: ReadLimits): Promise<StoredArray> {
  if (file.bytes < 4) {
    throw malformed(file, 'the file is too short for an IDX header');
  }
  const magic = await file.read(0, 4);
  if (magic[0] === 0x1f && magic[1] === 0x8b) {
    throw new ExamplesError(
      'examples/file-unsupported',
      file.path,
      'the file is compressed with gzip',
      'Unpack it with gunzip.',
    );
  }
  const dataType = dataTypes.get(magic[2]);
  const rank = magic[3];
  if (magic[0] !== 0 || magic[1] !== 0 || dataType === undefined) {
    throw malformed(file, 'it does not begin with the magic number of an IDX file');
  }
  if (rank < 1 || rank > rankMax) {
    throw malformed(file, `its header names ${rank} dimensions where 1 to ${rankMax} are allowed`);
  }
  const dataStart = 4 + 4 * rank;
  if (file.bytes < dataStart) {
    throw malformed(file, 'the file ends within its header');
  }
  const sizes = await file.read(4, 4 * rank);
  const shape = Array.from({ length: rank }, (_, axis) => sizes.readUInt32BE(4 * axis));
  return readArrayBody(file, { dataType, shape, dataStart, bigEndian: true }, limits);
}

function malformed(file: OpenFile, problem: string): ExamplesError {
  return new ExamplesError(
    'examples/file-malformed',
    file.path,
    problem,
    'Write it again as IDX, or give it the ending of the format it has.',
  );
}
