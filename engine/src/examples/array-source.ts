/** Examples that are in memory already, in the data types they were recorded in. */
import type { ExampleSource } from '../runtimes/runtime.js';
import type { ExampleDataType, FeatureContract } from './contract.js';
import { ExamplesError } from './errors.js';
import { memorySource } from './memory-source.js';
import { type StoredArray, valuesOf } from './stored-array.js';
import { validateFeature, validateTarget } from './validate.js';

/** All values of one feature or of the target: `[count, …shape]`, row-major, in this machine's byte order. */
export interface ArrayColumn {
  readonly dataType: ExampleDataType;
  readonly shape: readonly number[];
  readonly bytes: ArrayBuffer;
}

/**
 * A source over arrays, held against the contract as a folder's files are.
 *
 * @param features one for each of the contract's, in its order
 * @param place what to name in errors
 * @throws ExamplesError
 */
export function arraySource(
  contract: FeatureContract,
  features: readonly ArrayColumn[],
  target: ArrayColumn,
  place: string,
): ExampleSource {
  if (features.length !== contract.features.length) {
    throw new ExamplesError(
      'examples/contract-broken',
      place,
      `it has ${features.length} features where the contract has ${contract.features.length}`,
      'Record with the features that the task asks for.',
    );
  }
  const stored = ({ dataType, shape, bytes }: ArrayColumn): StoredArray => ({
    path: place,
    dataType,
    shape,
    values: valuesOf(dataType, bytes),
  });
  const arrays = features.map(stored);
  const targets = stored(target);
  validateTarget(targets, contract.target);
  arrays.forEach((array, index) => {
    validateFeature(array, contract.features[index]);
  });
  return memorySource(contract, arrays, targets);
}
