/** From the bytes of a message or a file to rows, each a record of fields. What is in them is checked afterwards. */
import type { PayloadFormat } from '../payload-formats.js';
import type { Pieces } from '../pieces.js';
import type { Recording } from '../recording.js';
import { payloadBytesMax, rowsMax } from '../recording.js';
import { readCsv } from './csv.js';
import { readFloats } from './floats.js';
import { readJson } from './json.js';
import { beyondLimits } from './limits.js';
import { PayloadRefusal } from './refusal.js';
import { readSparkplug, type SparkplugBirths } from './sparkplug.js';

export type RawRow = Readonly<Record<string, unknown>>;

/** Rows one after the other; where many are much, each is made when it is its turn. */
export interface Rows extends Iterable<RawRow> {
  readonly length: number;
}

/** Rows, or why there are none, as a short name that can be counted. */
export type Decoded =
  | { readonly kind: 'rows'; readonly rows: Rows }
  | { readonly kind: 'refused'; readonly reason: string };

/** Never throws, whatever the bytes are. */
export function* decodePayload(
  format: PayloadFormat,
  payload: Uint8Array,
  recording: Recording,
  births: SparkplugBirths,
): Pieces<Decoded> {
  if (payload.byteLength > payloadBytesMax) return { kind: 'refused', reason: 'payload-too-large' };
  const beyond = beyondLimits(format, payload, recording);
  if (beyond !== undefined) return { kind: 'refused', reason: beyond };
  try {
    const rows = yield* readRows(format, payload, recording, births);
    if (rows.length > rowsMax) return { kind: 'refused', reason: 'payload-too-many-rows' };
    return { kind: 'rows', rows };
  } catch (error) {
    const reason = error instanceof PayloadRefusal ? error.reason : `payload-not-${format}`;
    return { kind: 'refused', reason };
  }
}

function* readRows(
  format: PayloadFormat,
  payload: Uint8Array,
  recording: Recording,
  births: SparkplugBirths,
): Pieces<Rows> {
  switch (format) {
    case 'json':
      return yield* readJson(payload);
    case 'csv':
      return yield* readCsv(payload, recording);
    case 'f32':
      return readFloats(payload, recording);
    case 'sparkplug':
      return readSparkplug(payload, recording, births);
  }
}

export { birthUnknown, createBirths, type SparkplugBirths } from './sparkplug.js';
