import type { Recording } from '../recording.js';
import type { RawRow } from './index.js';

/**
 * A header and rows of numbers. A feature `f` of several numbers takes the columns `f.0`, `f.1`, …; an empty cell is a
 * missing value. Throws where a row has another number of cells than the header.
 */
export function readCsv(payload: Uint8Array, recording: Recording): readonly RawRow[] {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
  const [head, ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (head === undefined) throw new TypeError('no header');
  const names = cellsOf(head);
  const columns = new Map(names.map((name, index) => [name, index]));
  const wide = recording.contract.features
    .map(({ name }, index) => ({ name, elements: recording.rowElements[index] }))
    .filter(({ name }) => !columns.has(name) && columns.has(`${name}.0`));
  return lines.map((line) => {
    const cells = cellsOf(line);
    if (cells.length !== names.length) throw new TypeError('ragged');
    const value = (index: number | undefined): unknown => {
      const cell = index === undefined ? '' : cells[index];
      if (cell === '') return undefined;
      const number = Number(cell);
      return Number.isNaN(number) && cell.toLowerCase() !== 'nan' ? cell : number;
    };
    const row = Object.fromEntries(names.map((name, index) => [name, value(index)]));
    for (const { name, elements } of wide) {
      row[name] = Array.from({ length: elements }, (_, element) => value(columns.get(`${name}.${element}`)));
    }
    return row;
  });
}

/** Cells may stand in double quotes, in which a doubled quote is one. */
function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(',').map((cell) => cell.trim());
  const cells: string[] = [];
  for (const [, quoted, plain] of line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*/g)) {
    cells.push(quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"'));
  }
  return cells;
}
