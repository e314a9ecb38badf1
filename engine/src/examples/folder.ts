/**
 * A folder of examples, in one of these layouts:
 *
 * - `examples.csv`: a header row, one row an example (see `csv.ts`);
 * - `NAME.npy` or `NAME.idx` for each feature and for the target, named as in the contract; where there is one
 *   feature, `features.npy` will do, and `targets.npy` always does for the target;
 * - the names of the MNIST files: `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` (or `t10k-…`).
 */
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { ExampleSource } from '../runtimes/runtime.js';
import type { FeatureContract } from './contract.js';
import { readCsv } from './csv.js';
import { ExamplesError } from './errors.js';
import { readIdx } from './idx.js';
import { memorySource } from './memory-source.js';
import { readNpy } from './npy.js';
import { defaultReadLimits, type ReadLimits, type StoredArray, withFile } from './stored-array.js';
import { validateFeature, validateTarget } from './validate.js';

const csvName = 'examples.csv';

const mnistPrefixes = ['train', 't10k'];

/**
 * Reads and validates every example of `folder`.
 *
 * @throws ExamplesError naming file, row and column of the first fault, and what to do about it
 */
export async function openExamplesFolder(
  folder: string,
  contract: FeatureContract,
  limits: ReadLimits = defaultReadLimits,
): Promise<ExampleSource> {
  const names = await listFolder(folder);
  const { features, target } = names.has(csvName)
    ? await readCsv(join(folder, csvName), contract, limits)
    : await readArrays(folder, names, contract, limits);

  validateTarget(target, contract.target);
  features.forEach((array, index) => {
    validateFeature(array, contract.features[index]);
  });
  checkRowCounts(features, target);
  return memorySource(contract, features, target);
}

/**
 * Reads `NAME.npy` or `NAME.idx` of `folder`: what is said of its examples beside their features and target, a row each.
 *
 * @throws ExamplesError naming the folder, or the file and what is wrong with it
 */
export async function readFolderArray(
  folder: string,
  name: string,
  limits: ReadLimits = defaultReadLimits,
): Promise<StoredArray> {
  return readArray(choose(folder, await listFolder(folder), arrayNames(name)), limits);
}

async function listFolder(folder: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await readdir(folder));
  } catch (error) {
    throw new ExamplesError(
      'examples/not-found',
      folder,
      'this folder cannot be read',
      'Check that it exists and that the agent may read it.',
      error,
    );
  }
}

async function readArrays(
  folder: string,
  names: ReadonlySet<string>,
  contract: FeatureContract,
  limits: ReadLimits,
): Promise<{ readonly features: readonly StoredArray[]; readonly target: StoredArray }> {
  const alone = contract.features.length === 1;
  let bytesLeft = limits.bytesMax;
  const read = async (candidates: readonly string[]): Promise<StoredArray> => {
    const array = await readArray(choose(folder, names, candidates), { bytesMax: bytesLeft });
    bytesLeft -= array.values.byteLength;
    return array;
  };
  const features: StoredArray[] = [];
  for (const field of contract.features) {
    features.push(await read([...arrayNames(field.name), ...(alone ? soleFeatureNames : [])]));
  }
  return { features, target: await read([...arrayNames(contract.target.name), ...targetNames]) };
}

const arrayNames = (name: string): readonly string[] => [`${name}.npy`, `${name}.idx`];
const mnistNames = (part: string): readonly string[] =>
  mnistPrefixes.flatMap((prefix) => [`${prefix}-${part}-ubyte`, `${prefix}-${part.replace('-', '.')}-ubyte`]);
const soleFeatureNames = [...arrayNames('features'), ...mnistNames('images-idx3')];
const targetNames = [...arrayNames('targets'), ...mnistNames('labels-idx1')];

/** The one candidate that is there. Two would leave open which of them is meant. */
function choose(folder: string, names: ReadonlySet<string>, candidates: readonly string[]): string {
  const [found, another] = [...new Set(candidates)].filter((name) => names.has(name));
  if (found === undefined) {
    throw new ExamplesError(
      'examples/not-found',
      folder,
      `none of ${candidates.slice(0, 4).join(', ')} is there`,
      `Put the array there under one of these names${names.has(csvName) ? '' : `, or all examples into ${csvName}`}.`,
    );
  }
  if (another !== undefined) {
    throw new ExamplesError(
      'examples/contract-broken',
      folder,
      `both ${found} and ${another} are there`,
      'Keep only the one that is meant.',
    );
  }
  return join(folder, found);
}

function readArray(path: string, limits: ReadLimits): Promise<StoredArray> {
  return withFile(path, (file) => (extname(path) === '.npy' ? readNpy(file, limits) : readIdx(file, limits)));
}

function checkRowCounts(features: readonly StoredArray[], target: StoredArray): void {
  const rows = target.shape[0];
  const other = features.find((array) => array.shape[0] !== rows);
  if (other !== undefined) {
    throw new ExamplesError(
      'examples/contract-broken',
      other.path,
      `it has ${other.shape[0]} rows where ${target.path} has ${rows}`,
      'Each example needs one row in every file.',
    );
  }
  if (rows === 0) {
    throw new ExamplesError(
      'examples/contract-broken',
      target.path,
      'there are no examples',
      'Record some first.',
    );
  }
}
