/** Examples from files, checked against their contract: a folder of arrays, or one file of rows or arrays. */
import { constants } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import {
  CsvSyntaxError,
  defaultReadLimits,
  type ExampleRow,
  type ExampleSource,
  ExamplesError,
  examplesFromArrays,
  examplesFromRows,
  type FeatureContract,
  featureElements,
  fileBytes,
  openExamplesFolder,
  readFolderArray,
  readNpz,
  type StoredArray,
  splitCsvRows,
  targetElements,
  unreadable,
} from '@starling/engine';
import { type SharedExamples, shareExamples } from './examples.js';

export interface OpenedExamples {
  readonly examples: SharedExamples;
  /** Which client each example belongs to, where the data says so: `[count]`. */
  readonly groups: Int32Array | undefined;
}

/**
 * @param group the column that says which client an example is from
 * @throws ExamplesError naming the file and the row at fault
 */
export async function openExamples(
  path: string,
  contract: FeatureContract,
  group?: string,
): Promise<OpenedExamples> {
  const { source, groups } = await open(path, contract, group);
  return { examples: share(source, contract), groups };
}

const share = (source: ExampleSource, contract: FeatureContract): SharedExamples =>
  shareExamples(source, {
    featureElements: featureElements(contract),
    targetElements: targetElements(contract),
    classes: contract.target.kind === 'class',
  });

interface Opened {
  readonly source: ExampleSource;
  readonly groups: Int32Array | undefined;
}

async function open(path: string, contract: FeatureContract, group: string | undefined): Promise<Opened> {
  switch (extname(path)) {
    case '.csv':
      return openRows(path, csvRows(await readText(path), path), contract, group);
    case '.jsonl':
      return openRows(path, jsonRows(await readText(path), path), contract, group);
    case '.parquet':
      return openRows(path, await parquetRows(path), contract, group);
    case '.npz': {
      const arrays = await readNpz(path, defaultReadLimits);
      const source = examplesFromArrays(path, contract, (name) => arrays.get(name));
      if (group === undefined) return { source, groups: undefined };
      const array = arrays.get(group);
      if (array === undefined) throw noColumn(path, group);
      return { source, groups: groupsOf(array, source.count) };
    }
    default:
      if (await isNoFolder(path)) {
        throw new ExamplesError(
          'examples/file-unsupported',
          path,
          'its name does not tell what is in it',
          'Name a .csv, .jsonl, .parquet or .npz file, or a folder of arrays.',
        );
      }
      return openFolder(path, contract, group);
  }
}

function openRows(
  path: string,
  rows: readonly ExampleRow[],
  contract: FeatureContract,
  group: string | undefined,
): Opened {
  const source = examplesFromRows(path, contract, rows);
  if (group === undefined) return { source, groups: undefined };
  if (!rows.every((row) => Object.hasOwn(row, group))) throw noColumn(path, group);
  return { source, groups: numbered(rows.map((row) => row[group])) };
}

async function openFolder(
  path: string,
  contract: FeatureContract,
  group: string | undefined,
): Promise<Opened> {
  const source = await openExamplesFolder(path, contract);
  if (group === undefined) return { source, groups: undefined };
  return { source, groups: groupsOf(await readFolderArray(path, group), source.count) };
}

/** Who each example is from, by an array of one number for each. */
function groupsOf({ path, values }: StoredArray, count: number): Int32Array {
  if (values.length === count) return numbered(values);
  throw new ExamplesError(
    'examples/contract-broken',
    path,
    `it has ${values.length} numbers where there are ${count} examples`,
    'Write one number for each example: which client it is from.',
  );
}

function noColumn(path: string, group: string): ExamplesError {
  return new ExamplesError(
    'examples/not-found',
    path,
    `not every row has the column ${JSON.stringify(group)} that data.group names`,
    'Name a column that says which client a row is from.',
  );
}

/** Values as numbers from 0 on, in order of first appearance. */
function numbered(values: ArrayLike<unknown>): Int32Array {
  const numbers = new Map<unknown, number>();
  return Int32Array.from(values, (value) => {
    const known = numbers.get(value);
    if (known !== undefined) return known;
    numbers.set(value, numbers.size);
    return numbers.size - 1;
  });
}

const isNoFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() === false;

async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  if (bytes.byteLength <= constants.MAX_STRING_LENGTH) return new TextDecoder().decode(bytes);
  throw new ExamplesError(
    'examples/too-large',
    path,
    'it is more text than fits into memory at once (512 MiB)',
    'Write it as Parquet or arrays.',
  );
}

async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    if ((await fileBytes(path)) <= defaultReadLimits.bytesMax) return new Uint8Array(await readFile(path));
  } catch (error) {
    throw unreadable(
      path,
      error,
      'Check that it exists; paths in a scenario are meant from where the scenario is.',
    );
  }
  throw new ExamplesError('examples/too-large', path, 'it is larger than 2 GiB', 'Split it, or use arrays.');
}

function csvRows(text: string, path: string): readonly ExampleRow[] {
  const rows: ExampleRow[] = [];
  let header: readonly string[] | undefined;
  const splitter = splitCsvRows((fields, line) => {
    if (header === undefined) {
      header = fields;
      return;
    }
    if (fields.length !== header.length) {
      throw new CsvSyntaxError(line, `it has ${fields.length} fields where the header has ${header.length}`);
    }
    rows.push(Object.fromEntries(header.map((name, at) => [name, fields[at]])));
  });
  try {
    splitter.push(text);
    splitter.end();
  } catch (error) {
    if (!(error instanceof CsvSyntaxError)) throw error;
    throw malformed(path, `line ${error.line}: ${error.message}`, error);
  }
  return rows;
}

function jsonRows(text: string, path: string): readonly ExampleRow[] {
  return text.split('\n').flatMap((line, index): readonly ExampleRow[] => {
    if (line.trim() === '') return [];
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw malformed(path, `line ${index + 1} is not JSON`, error);
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw malformed(path, `line ${index + 1} is not an object`, undefined);
    }
    return [{ ...value }];
  });
}

async function parquetRows(path: string): Promise<readonly ExampleRow[]> {
  const { readParquet } = await import('./parquet.js');
  const bytes = await readBytes(path);
  try {
    return await readParquet(bytes.buffer);
  } catch (error) {
    throw malformed(path, 'it cannot be read as Parquet', error);
  }
}

function malformed(path: string, problem: string, cause: unknown): ExamplesError {
  return new ExamplesError('examples/file-malformed', path, problem, 'Write the file again.', cause);
}
