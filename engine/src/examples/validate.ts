/**
 * Holds arrays against the feature contract. Messages name file, row and element, and never a value or a label,
 * because they travel to the operator.
 */
import { elementCount, type FeatureField, type TargetField } from './contract.js';
import { ExamplesError } from './errors.js';
import type { StoredArray } from './stored-array.js';

/** Checks data type, shape and every value of one feature. */
export function validateFeature(array: StoredArray, field: FeatureField): void {
  if (array.dataType !== field.dataType) {
    throw broken(
      array.path,
      `its elements are ${array.dataType} where the contract asks for ${field.dataType} in ${JSON.stringify(field.name)}`,
      `Save it as ${field.dataType}.`,
    );
  }
  validateShape(array, field.name, field.shape);
  validateRange(array, field.name, elementCount(field.shape), field.range);
}

/** Checks shape and every value of the target; class indices may be stored in any integer type. */
export function validateTarget(array: StoredArray, target: TargetField): void {
  if (target.kind === 'number') {
    validateShape(array, target.name, target.shape);
    validateRange(array, target.name, elementCount(target.shape), target.range);
    return;
  }
  if (array.dataType === 'float32' || array.dataType === 'float64') {
    throw broken(
      array.path,
      `its elements are ${array.dataType} where class indices must be whole numbers`,
      'Save them as an integer type.',
    );
  }
  validateShape(array, target.name, []);
  validateRange(array, target.name, 1, [0, target.classes - 1]);
}

/**
 * A file may keep more structure than the contract (28 by 28 for 784), or axes of size 1: row-major order makes
 * those the same numbers.
 */
function validateShape(array: StoredArray, name: string, shape: readonly number[]): void {
  const [, ...found] = array.shape;
  const significant = (sizes: readonly number[]): string => sizes.filter((size) => size !== 1).join(',');
  const flat = shape.length <= 1 && elementCount(found) === elementCount(shape);
  if (!flat && significant(found) !== significant(shape)) {
    throw broken(
      array.path,
      `each row has shape [${found.join(', ')}] where the contract asks for [${shape.join(', ')}] in ${JSON.stringify(name)}`,
      'Save rows of that shape, or correct the contract.',
    );
  }
}

function validateRange(
  array: StoredArray,
  name: string,
  elements: number,
  range: readonly [number, number],
): void {
  const [min, max] = range;
  const { values } = array;
  const count = array.shape[0] * elements;
  for (let i = 0; i < count; i++) {
    const value = values[i];
    if (!(value >= min && value <= max)) {
      const row = Math.floor(i / elements);
      const element = elements === 1 ? '' : `, element ${i % elements}`;
      throw broken(
        array.path,
        `row ${row} (counted from 0)${element} of ${JSON.stringify(name)} is ${Number.isFinite(value) ? `outside the contract's range [${min}, ${max}]` : 'not a finite number'}`,
        'Repair or leave out this row, or correct the contract.',
      );
    }
  }
}

function broken(path: string, problem: string, remedy: string): ExamplesError {
  return new ExamplesError('examples/contract-broken', path, problem, remedy);
}
