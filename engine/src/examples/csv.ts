/**
 * Examples as CSV: one row an example, columns found by the names in the first row. A field of shape `[]` is the
 * column of its name, any other field `f` the columns `f.0`, `f.1`, … in row-major order. Other columns are ignored.
 */
import { createReadStream } from 'node:fs';
import { type ExampleDataType, elementCount, type FeatureContract, type TargetField } from './contract.js';
import { CsvSyntaxError, splitCsvRows } from './csv-rows.js';
import { ExamplesError } from './errors.js';
import { fileBytes, unreadable } from './regular-file.js';
import {
  elementBytes,
  type ReadLimits,
  type StoredArray,
  type StoredValues,
  valuesOf,
} from './stored-array.js';

/** One array per feature of the contract, and the target's. */
export interface CsvExamples {
  readonly features: readonly StoredArray[];
  readonly target: StoredArray;
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** A column group being read: rows are appended, the storage doubles. */
interface GrowingArray {
  readonly name: string;
  readonly columns: readonly number[];
  readonly dataType: ExampleDataType;
  readonly shape: readonly number[];
  values: StoredValues;
}

/**
 * Reads `path` in one pass, into the data types of the contract.
 *
 * @throws ExamplesError naming line and column; never what stands there
 */
export async function readCsv(
  path: string,
  contract: FeatureContract,
  limits: ReadLimits,
): Promise<CsvExamples> {
  const rowsMax = Math.floor(limits.bytesMax / bytesOfRow(contract));
  let groups: readonly GrowingArray[] | undefined;
  let width = 0;
  let rows = 0;

  const splitter = splitCsvRows((fields, line) => {
    if (groups === undefined) {
      groups = readHeader(fields, contract, path);
      width = fields.length;
      return;
    }
    if (fields.length !== width) {
      throw broken(
        path,
        `line ${line} has ${fields.length} fields where the header has ${width}`,
        'Repair this line.',
      );
    }
    if (rows === rowsMax) {
      throw new ExamplesError(
        'examples/too-large',
        path,
        `its rows take more than the ${limits.bytesMax} bytes that examples may take in memory`,
        'Split the examples or raise the limit.',
      );
    }
    for (const group of groups) {
      appendRow(group, rows, fields, line, path);
    }
    rows++;
  });

  await readText(path, splitter.push, splitter.end);
  if (groups === undefined) {
    throw broken(path, 'the file is empty', 'Write a first row with the names of the columns.');
  }
  const arrays = groups.map(
    (group): StoredArray => ({
      path,
      dataType: group.dataType,
      shape: [rows, ...group.shape],
      values: group.values,
    }),
  );
  return { features: arrays.slice(0, -1), target: arrays[arrays.length - 1] };
}

async function readText(path: string, push: (text: string) => void, end: () => void): Promise<void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    await fileBytes(path);
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
      push(decoder.decode(chunk, { stream: true }));
    }
    push(decoder.decode());
    end();
  } catch (error) {
    throw asExamplesError(error, path);
  }
}

function asExamplesError(error: unknown, path: string): ExamplesError {
  if (error instanceof ExamplesError) {
    return error;
  }
  if (error instanceof CsvSyntaxError) {
    return new ExamplesError(
      'examples/file-malformed',
      path,
      `line ${error.line}: ${error.message}`,
      'Write it as RFC 4180 says: commas between fields, quotes doubled inside quotes.',
    );
  }
  if (error instanceof TypeError) {
    return new ExamplesError(
      'examples/file-malformed',
      path,
      'this is not UTF-8 text',
      'Save it as UTF-8.',
      error,
    );
  }
  return unreadable(path, error);
}

function bytesOfRow(contract: FeatureContract): number {
  const features = contract.features.reduce(
    (sum, field) => sum + elementCount(field.shape) * elementBytes[field.dataType],
    0,
  );
  return features + targetShape(contract.target).elements * elementBytes[targetDataType(contract.target)];
}

function targetDataType(target: TargetField): ExampleDataType {
  return target.kind === 'class' ? 'int32' : 'float32';
}

function targetShape(target: TargetField): { readonly shape: readonly number[]; readonly elements: number } {
  const shape = target.kind === 'class' ? [] : target.shape;
  return { shape, elements: elementCount(shape) };
}

function readHeader(
  header: readonly string[],
  contract: FeatureContract,
  path: string,
): readonly GrowingArray[] {
  // A byte order mark is what spreadsheets put before the first name; TextDecoder has dropped it already.
  const positions = new Map(header.map((name, index) => [name.trim(), index]));
  if (positions.size !== header.length) {
    throw broken(path, 'two columns have the same name', 'Give each column a name of its own.');
  }
  const { target } = contract;
  const fields = [
    ...contract.features.map(({ name, dataType, shape }) => ({ name, dataType, shape })),
    { name: target.name, dataType: targetDataType(target), shape: targetShape(target).shape },
  ];
  return fields.map((field) => {
    const names =
      field.shape.length === 0
        ? [field.name]
        : Array.from({ length: elementCount(field.shape) }, (_, index) => `${field.name}.${index}`);
    const columns = names.map((name) => {
      const index = positions.get(name);
      if (index === undefined) {
        throw broken(
          path,
          `the column ${JSON.stringify(name)} is missing`,
          `The contract asks for ${columnNames(fields)}.`,
        );
      }
      return index;
    });
    return { ...field, columns, values: valuesOf(field.dataType, new ArrayBuffer(0)) };
  });
}

/** The columns that fields ask for, in words: `"a", "b.0" to "b.3"`. */
function columnNames(
  fields: readonly { readonly name: string; readonly shape: readonly number[] }[],
): string {
  return fields
    .map(({ name, shape }) => {
      if (shape.length === 0) return JSON.stringify(name);
      const count = elementCount(shape);
      const first = JSON.stringify(`${name}.0`);
      return count === 1 ? first : `${first} to ${JSON.stringify(`${name}.${count - 1}`)}`;
    })
    .join(', ');
}

function appendRow(
  group: GrowingArray,
  row: number,
  fields: readonly string[],
  line: number,
  path: string,
): void {
  const { columns, dataType } = group;
  const start = row * columns.length;
  if (group.values.length < start + columns.length) {
    const grown = valuesOf(
      dataType,
      new ArrayBuffer(Math.max(64, 2 * row) * columns.length * elementBytes[dataType]),
    );
    grown.set(group.values);
    group.values = grown;
  }
  const whole = dataType !== 'float32' && dataType !== 'float64';
  for (let i = 0; i < columns.length; i++) {
    const text = fields[columns[i]].trim();
    const value = decimal.test(text) ? Number(text) : Number.NaN;
    if (!Number.isFinite(value)) {
      throw broken(
        path,
        `line ${line}, ${place(group, i)}: this is not a finite number`,
        'Repair or leave out this row.',
      );
    }
    group.values[start + i] = value;
    if (whole && group.values[start + i] !== value) {
      throw broken(
        path,
        `line ${line}, ${place(group, i)}: this is not a whole number that ${dataType} can hold`,
        'Repair the row, or choose a wider data type in the contract.',
      );
    }
  }
}

function place(group: GrowingArray, element: number): string {
  return `column ${JSON.stringify(group.shape.length === 0 ? group.name : `${group.name}.${element}`)}`;
}

function broken(path: string, problem: string, remedy: string): ExamplesError {
  return new ExamplesError('examples/contract-broken', path, problem, remedy);
}
