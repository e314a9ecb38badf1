/**
 * What a payload may hold, looked at before it is decoded: a few megabytes of brackets or line ends become hundreds of
 * megabytes of objects, and a sensor that is out of its mind must not take the device with it.
 */
import { countBytes } from '../../count-bytes.js';
import type { PayloadFormat } from '../payload-formats.js';
import { type Recording, rowsMax } from '../recording.js';

/** Lists and objects: a row is one, and may hold a few. */
const listsMax = 4 * rowsMax;
/** Names with a value. */
const fieldsMax = 16 * rowsMax;
/** Of one row, on average: four times what a contract may name. */
const rowFieldsMax = 4096;
/** Numbers, as text. */
const cellsMax = 32 * rowsMax;
/** Columns of a table, and metrics of a message. */
const columnsMax = rowsMax;

/** Why it is not decoded, as a short name that can be counted; undefined where it may be. */
export function beyondLimits(
  format: PayloadFormat,
  payload: Uint8Array,
  recording: Recording,
): string | undefined {
  switch (format) {
    case 'json': {
      const [objects, lists, fields, commas, quotes] = countBytes(payload, '{[:,"');
      if (objects + lists > listsMax) return 'payload-too-many-rows';
      // Features are numbers: long lists of texts, and rows of more fields than a contract has, are of no use to anybody.
      if (fields > rowFieldsMax * objects || quotes > 8 * fields + rowsMax) return 'payload-too-many-fields';
      return fields > fieldsMax || commas > 2 * cellsMax ? 'payload-too-many-fields' : undefined;
    }
    case 'csv': {
      const [lines, commas] = countBytes(payload, '\n,');
      if (lines > 2 * rowsMax) return 'payload-too-many-rows';
      const end = payload.indexOf(0x0a);
      const [columns] = countBytes(end < 0 ? payload : payload.subarray(0, end), ',');
      return columns > columnsMax || commas > cellsMax ? 'payload-too-many-fields' : undefined;
    }
    case 'f32': {
      const perRow = recording.rowElements.reduce((sum, elements) => sum + elements, 0);
      return payload.byteLength / (4 * perRow) > rowsMax ? 'payload-too-many-rows' : undefined;
    }
    case 'sparkplug':
      return tooManyFields(payload) ? 'payload-too-many-fields' : undefined;
  }
}

/** Walks the fields of the outermost message only; what is no protobuf is for the decoder to refuse. */
function tooManyFields(payload: Uint8Array): boolean {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = payload[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  for (let fields = 0; at < payload.length; fields++) {
    if (fields > columnsMax) return true;
    const wireType = varint() & 7;
    if (wireType === 0) varint();
    else if (wireType === 1) at += 8;
    else if (wireType === 2) {
      const length = varint();
      at += length;
    } else if (wireType === 5) at += 4;
    else return false;
  }
  return false;
}
