import { type Pieces, sliceCharacters, sliceCost } from '../pieces.js';
import type { RawRow } from './index.js';

/** One object, a list of objects, or one object a line. Throws where it is none of them. */
export function* readJson(payload: Uint8Array): Pieces<readonly RawRow[]> {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(payload).trim();
  if (text.startsWith('[')) return yield* readList(text);
  const whole = text.includes('\n') && text.startsWith('{') ? parsed(text) : JSON.parse(text);
  return whole === undefined ? yield* readLines(text) : [rowOf(whole)];
}

/** A list is read in parts that are lists too: parsing some megabytes at once takes as long as thousands of rows. */
function* readList(text: string): Pieces<readonly RawRow[]> {
  const rows: RawRow[] = [];
  let from = 0;
  while (from < text.length) {
    const end = partEnd(text, from);
    const isLast = end === text.length;
    const part: unknown[] = JSON.parse(
      `${from === 0 ? '' : '['}${text.slice(from, end)}${isLast ? '' : ']'}`,
    );
    if (part.length === 0 && !(from === 0 && isLast)) throw new TypeError('a comma without a row');
    for (const value of part) rows.push(rowOf(value));
    from = end + 1;
    yield sliceCost;
  }
  return rows;
}

/** Where a comma between two rows of the list is, a part's length from here on; the text's end where there is none. */
function partEnd(text: string, from: number): number {
  // Only the first part begins with the list's own bracket.
  let depth = from === 0 ? 0 : 1;
  for (let at = from; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = textEnd(text, at);
        break;
      case openBracket:
      case openBrace:
        depth += 1;
        break;
      case closeBracket:
      case closeBrace:
        depth -= 1;
        break;
      case comma:
        if (depth === 1 && at - from >= sliceCharacters) return at;
    }
  }
  return text.length;
}

const [quote, comma, openBracket, closeBracket, openBrace, closeBrace] = Buffer.from('",[]{}');

/** The quote that ends the text which begins here: one behind an even number of backslashes. */
function textEnd(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text[before - 1] === '\\') before -= 1;
    if ((at - before) % 2 === 0) return at;
  }
  return text.length;
}

function* readLines(text: string): Pieces<readonly RawRow[]> {
  const rows: RawRow[] = [];
  let characters = 0;
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    rows.push(rowOf(JSON.parse(line)));
    characters += line.length;
    if (characters < sliceCharacters) continue;
    characters = 0;
    yield sliceCost;
  }
  return rows;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function rowOf(value: unknown): RawRow {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError('not an object');
  return value as RawRow;
}
