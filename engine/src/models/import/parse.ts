import { fail, isRecord, type Place, readFields } from '../../fields.js';
import { ModelError } from '../errors.js';
import { type BatchNormMode, batchNormModes, type ImportOptions } from './import-model.js';

/** An ONNX file and how it is trained, as tasks name it. */
export interface ImportDefinition extends ImportOptions {
  readonly onnx: string;
}

const place: Place = {
  name: 'the imported model',
  error: (message) => new ModelError('model/invalid', message),
};

/**
 * Reads `{onnx, output?, trainable?, head?, lora?, batchNorm?, dropout?, paddingRows?}` from untrusted data.
 * @throws ModelError `model/invalid`, naming the field and what would be right
 */
export function parseImport(value: unknown): ImportDefinition {
  if (!isRecord(value)) fail(place, 'must be an object with "onnx"');
  const { onnx, output, trainable, head, lora, batchNorm, dropout, paddingRows, ...rest } = value;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    fail(
      place,
      `"${unknown}" is not known; it takes onnx, output, trainable, head, lora, batchNorm, dropout and paddingRows`,
    );
  }
  if (typeof onnx !== 'string' || onnx === '') fail(place, '"onnx" must be the path of a file');
  if (output !== undefined && (typeof output !== 'string' || output === '')) {
    fail(place, '"output" must be the name of a value of the model');
  }
  return {
    onnx,
    ...(output === undefined ? {} : { output }),
    ...(trainable === undefined ? {} : { trainable: patterns(trainable, 'trainable') }),
    ...(head === undefined ? {} : { head: readHead(head) }),
    ...(lora === undefined ? {} : { lora: readLora(lora) }),
    ...(batchNorm === undefined ? {} : { batchNorm: readBatchNorm(batchNorm) }),
    ...(dropout === undefined ? {} : { dropout: readDropout(dropout) }),
    ...(paddingRows === undefined ? {} : { paddingRows: readPaddingRows(paddingRows) }),
  };
}

function readHead(value: unknown): NonNullable<ImportOptions['head']> {
  const fields = readFields(value, place);
  const outputs = fields.number('outputs', isCount, 'an integer of at least 1');
  const seed =
    isRecord(value) && 'seed' in value ? fields.number('seed', isSeed, 'an integer of at least 0') : 0;
  fields.end();
  return { outputs, seed };
}

function readLora(value: unknown): NonNullable<ImportOptions['lora']> {
  const fields = readFields(value, place);
  const targets = patterns(fields.raw('targets'), 'targets');
  const rank = fields.number('rank', isCount, 'an integer of at least 1');
  const alpha = fields.number('alpha', (x) => x > 0, 'above 0');
  fields.end();
  return { targets, rank, alpha };
}

function readBatchNorm(value: unknown): BatchNormMode {
  const mode = batchNormModes.find((known) => known === value);
  return mode ?? fail(place, '"batchNorm" must be frozen, averaged or local');
}

function readDropout(value: unknown): NonNullable<ImportOptions['dropout']> {
  const fields = readFields(typeof value === 'number' ? { rate: value } : value, place);
  const rate = fields.number('rate', (x) => x >= 0 && x < 1, 'at least 0 and below 1');
  const before =
    isRecord(value) && 'before' in value ? { before: patterns(fields.raw('before'), 'before') } : {};
  fields.end();
  return { rate, ...before };
}

function readPaddingRows(value: unknown): NonNullable<ImportOptions['paddingRows']> {
  const entries = isRecord(value) ? Object.entries(value) : [];
  const rows = entries.flatMap(([name, row]) =>
    typeof row === 'number' && isSeed(row) ? [[name, row] as const] : [],
  );
  if (rows.length === 0 || rows.length !== entries.length) {
    fail(place, '"paddingRows" must name a row, an integer of at least 0, for the weight of each embedding');
  }
  return Object.fromEntries(rows);
}

const isCount = (x: number): boolean => Number.isSafeInteger(x) && x >= 1;
const isSeed = (x: number): boolean => Number.isSafeInteger(x) && x >= 0;

function patterns(value: unknown, name: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  const texts = list.filter((entry) => typeof entry === 'string');
  if (texts.length === 0 || texts.length !== list.length) {
    fail(place, `"${name}" must be a list of names, in which * stands for any characters`);
  }
  return texts;
}
