/** Holds a row against the contract: numbers of the right count, type and range, or the reason why it is refused. */
import type { FeatureField, TargetField } from '@starling/engine/examples';
import { elementCount } from '@starling/engine/examples';
import type { RawRow } from './payloads/index.js';
import { integerTypes, type Recording } from './recording.js';

export interface Row {
  readonly id: string | undefined;
  /** Milliseconds since the Unix epoch, as the row says; undefined where it says nothing. */
  readonly timeMs: number | undefined;
  /** Of each feature, in the contract's order. */
  readonly values: readonly Float64Array[];
  /** Elements of the target; undefined where the row has no label. */
  readonly label: readonly number[] | undefined;
  /** Elements that the row lacked and the recording filled in. */
  readonly filled: number;
}

/** A reason is a short name with the field at fault, never a value: it is counted, logged and sent. */
export type Checked =
  | { readonly kind: 'row'; readonly row: Row }
  | { readonly kind: 'refused'; readonly reason: string };

const idLengthMax = 128;

/**
 * @param previous values of the last good row of the same key, for features whose policy is `previous`
 * @param fillable elements that may be filled in where they are missing
 */
export function checkRow(
  recording: Recording,
  raw: RawRow,
  previous: readonly Float64Array[] | undefined,
  fillable: number,
): Checked {
  const { contract, fields, rowElements, missing } = recording;
  const values: Float64Array[] = [];
  let filled = 0;
  for (const [index, field] of contract.features.entries()) {
    const read = readValues(own(raw, field.name), field, rowElements[index]);
    if (read instanceof Float64Array) {
      values.push(read);
      continue;
    }
    const policy = missing[index];
    if (read !== 'missing' || policy === 'reject') return refused(`${read}:${field.name}`);
    const last = previous?.[index];
    if (policy === 'previous' && last === undefined) return refused(`missing:${field.name}`);
    filled += rowElements[index];
    if (filled > fillable) return refused('payload-too-many-elements');
    values.push(
      policy === 'previous' && last ? last : new Float64Array(rowElements[index]).fill(Number(policy)),
    );
  }
  const id = idOf(own(raw, fields.id));
  if (id === 'wrong') return refused(`type:${fields.id}`);
  const time = timeOf(own(raw, fields.time));
  if (time === 'wrong') return refused(`type:${fields.time}`);
  const given = own(raw, fields.label);
  const label = given === undefined ? undefined : readLabel(given, contract.target);
  if (typeof label === 'string') return refused(`${label}:${fields.label}`);
  return {
    kind: 'row',
    row: { id: id?.text, timeMs: time, values, label, filled },
  };
}

/** Of a row or a late label. A number that has lost its last digits would be another row's id too. */
export function idOf(value: unknown): { readonly text: string } | undefined | 'wrong' {
  if (value === undefined) return undefined;
  const isSound = typeof value === 'string' || (typeof value === 'number' && !isRounded(value));
  return isSound && String(value).length <= idLengthMax ? { text: String(value) } : 'wrong';
}

function isRounded(value: number): boolean {
  return !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value));
}

/** A label's elements, or what is wrong with it. */
export function readLabel(
  value: unknown,
  target: TargetField,
): readonly number[] | 'type' | 'range' | 'shape' {
  if (target.kind === 'class') {
    if (typeof value !== 'number' || !Number.isInteger(value)) return 'type';
    return value >= 0 && value < target.classes ? [value] : 'range';
  }
  const flat = typeof value === 'number' ? [value] : flatten(value);
  if (flat === undefined || !flat.every((item) => typeof item === 'number' && Number.isFinite(item)))
    return 'type';
  if (flat.length !== elementCount(target.shape)) return 'shape';
  const numbers = flat.map(Number);
  return numbers.every((item) => item >= target.range[0] && item <= target.range[1]) ? numbers : 'range';
}

function readValues(
  value: unknown,
  { dataType, range }: FeatureField,
  elements: number,
): Float64Array | 'missing' | 'type' | 'shape' | 'range' {
  if (value === undefined || value === null) return 'missing';
  // Looked at before anything is made of it: it may have millions where a few are wanted.
  if (Array.isArray(value) && value.length > elements) return 'shape';
  const flat = Array.isArray(value) ? flatten(value) : [value];
  if (flat === undefined || flat.length !== elements) return 'shape';
  const numbers = new Float64Array(elements);
  const whole = integerTypes.includes(dataType);
  for (const [index, item] of flat.entries()) {
    if (item === undefined || item === null || Number.isNaN(item)) return 'missing';
    if (typeof item !== 'number' || (whole && !Number.isInteger(item))) return 'type';
    // Also what is not finite: ranges are finite.
    if (!(item >= range[0] && item <= range[1])) return 'range';
    numbers[index] = item;
  }
  return numbers;
}

/** Undefined where lists are deeper than any shape. */
function flatten(value: unknown): readonly unknown[] | undefined {
  if (!Array.isArray(value)) return undefined;
  if (!value.some(Array.isArray)) return value;
  const flat = value.flat(8);
  return flat.some(Array.isArray) ? undefined : flat;
}

/** Milliseconds since 1970, or a text that is a date. */
function timeOf(value: unknown): number | undefined | 'wrong' {
  if (value === undefined || value === null) return undefined;
  const time = typeof value === 'string' ? Date.parse(value) : value;
  return typeof time === 'number' && Number.isFinite(time) && Math.abs(time) <= 8.64e15 ? time : 'wrong';
}

/** A field of the row itself: names come from outside, and so do fields called `constructor`. */
function own(row: RawRow, name: string): unknown {
  return Object.hasOwn(row, name) ? row[name] : undefined;
}

function refused(reason: string): Checked {
  return { kind: 'refused', reason };
}
