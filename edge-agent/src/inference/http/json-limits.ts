/**
 * What the JSON of a question may hold, looked at before it is parsed: a few megabytes of brackets become hundreds of
 * megabytes of objects.
 */
import { countBytes } from '../../count-bytes.js';

/** Inputs, outputs and their parameters: 256 of each. */
const objectsMax = 2048;
/** Lists of rows, also nested; so it is the greatest depth too. */
const listsMax = 1 << 20;
/** Names with a value, and texts. */
const textsMax = 1 << 15;
/** What is shorter holds little, whatever it holds. */
const looseBytes = 1 << 16;

/** What there is too much of; undefined where it may be parsed. */
export function beyondJsonLimits(json: Uint8Array): string | undefined {
  if (json.length <= looseBytes) return undefined;
  const [objects, lists, fields, quotes] = countBytes(json, '{[:"');
  if (objects > objectsMax) return `more than ${objectsMax} objects`;
  if (lists > listsMax) return `more than ${listsMax} lists`;
  return fields > textsMax || quotes > 4 * textsMax ? `more than ${textsMax} names and texts` : undefined;
}
