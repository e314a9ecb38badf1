import type { RawRow } from './index.js';

/** One object, a list of objects, or one object a line. Throws where it is none of them. */
export function readJson(payload: Uint8Array): readonly RawRow[] {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(payload).trim();
  const value: unknown = text.includes('\n') && text.startsWith('{') ? readLines(text) : JSON.parse(text);
  const rows: readonly unknown[] = Array.isArray(value) ? value : [value];
  return rows.map((row) => {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) throw new TypeError('not an object');
    return row as RawRow;
  });
}

function readLines(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line));
  }
}
