/** Examples that come as rows of named values, whatever file they were read from: JSON lines, Parquet, CSV text. */
import type { ExampleSource } from '../runtimes/runtime.js';
import { type ExampleDataType, elementCount, type FeatureContract } from './contract.js';
import { ExamplesError } from './errors.js';
import { memorySource } from './memory-source.js';
import { elementBytes, type StoredArray, valuesOf } from './stored-array.js';
import { validateFeature, validateTarget } from './validate.js';

export type ExampleRow = Readonly<Record<string, unknown>>;

/**
 * A source over rows, checked against the contract. A field of a shape is one value, nested lists of numbers included, or
 * the values `NAME.0`, `NAME.1`, … in row-major order. Throws `ExamplesError` naming row and column, never a value.
 */
export function examplesFromRows(
  path: string,
  contract: FeatureContract,
  rows: readonly ExampleRow[],
): ExampleSource {
  const { target } = contract;
  const targetType = target.kind === 'class' ? 'int32' : 'float32';
  const targetShape = target.kind === 'class' ? [] : target.shape;
  return examplesFromArrays(path, contract, (name) => {
    const field = contract.features.find((feature) => feature.name === name);
    return field === undefined
      ? columnOf(path, rows, name, targetType, targetShape)
      : columnOf(path, rows, name, field.dataType, field.shape);
  });
}

/**
 * A source over one array for each feature and for the target, the first axis of each the examples, checked against the contract.
 * @throws ExamplesError `examples/not-found` for a column that is missing, `examples/contract-broken` for one that does not fit
 */
export function examplesFromArrays(
  path: string,
  contract: FeatureContract,
  arrayOf: (name: string) => StoredArray | undefined,
): ExampleSource {
  const take = (name: string): StoredArray => {
    const array = arrayOf(name);
    if (array !== undefined) return array;
    throw new ExamplesError(
      'examples/not-found',
      path,
      `it has no column ${JSON.stringify(name)}`,
      'Name the columns as the contract does.',
    );
  };
  const features = contract.features.map(({ name }) => take(name));
  const target = take(contract.target.name);
  features.forEach((array, index) => {
    validateFeature(array, contract.features[index]);
  });
  validateTarget(target, contract.target);
  const [count] = target.shape;
  if (count === 0 || features.some(({ shape }) => shape[0] !== count)) {
    throw new ExamplesError(
      'examples/contract-broken',
      path,
      count === 0 ? 'there are no examples' : 'its columns are not equally long',
      'Each example needs a value in every column.',
    );
  }
  return memorySource(contract, features, target);
}

function columnOf(
  path: string,
  rows: readonly ExampleRow[],
  name: string,
  dataType: ExampleDataType,
  shape: readonly number[],
): StoredArray {
  const elements = elementCount(shape);
  const values = valuesOf(dataType, new ArrayBuffer(rows.length * elements * elementBytes[dataType]));
  const whole = dataType !== 'float32' && dataType !== 'float64';
  for (const [row, record] of rows.entries()) {
    const found = numbersOf(record, name, elements);
    if (found.length !== elements || found.some((value) => Number.isNaN(value))) {
      throw new ExamplesError(
        'examples/contract-broken',
        path,
        `row ${row} (counted from 0) has not the ${elements} numbers of ${JSON.stringify(name)}`,
        'Repair or leave out this row, or correct the contract.',
      );
    }
    for (const [at, value] of found.entries()) {
      values[row * elements + at] = value;
      // A byte of 300 would become 44 without a word.
      if (whole && values[row * elements + at] !== value) {
        throw new ExamplesError(
          'examples/contract-broken',
          path,
          `row ${row} (counted from 0) of ${JSON.stringify(name)} is no ${dataType}`,
          'Save it as whole numbers in range, or correct the contract.',
        );
      }
    }
  }
  return { path, dataType, shape: [rows.length, ...shape], values };
}

function numbersOf(record: ExampleRow, name: string, elements: number): readonly number[] {
  if (!Object.hasOwn(record, name) && elements > 1) {
    return Array.from({ length: elements }, (_, at) => numberOf(record[`${name}.${at}`]));
  }
  const flat: number[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value) || ArrayBuffer.isView(value))
      for (const inner of Object.values(value)) walk(inner);
    else flat.push(numberOf(value));
  };
  walk(record[name]);
  return flat;
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}
