import { type Pieces, sliceCharacters, sliceCost } from '../pieces.js';
import type { Recording } from '../recording.js';
import type { RawRow, Rows } from './index.js';

/**
 * A header and rows of numbers; ids are texts, of which none is another's number. A feature `f` of several numbers takes the columns `f.0`, `f.1`, …; an empty cell is a
 * missing value, and so is the feature where it lacks a column. Throws where a row has another number of cells than the
 * header. Each row is made when it is asked for: all of them may be more than a device holds.
 */
export function* readCsv(payload: Uint8Array, recording: Recording): Pieces<Rows> {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
  const [head, ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (head === undefined) throw new TypeError('no header');
  const names = cellsOf(head);
  let characters = 0;
  for (const line of lines) {
    if (cellCount(line) !== names.length) throw new TypeError('ragged');
    characters += line.length;
    if (characters < sliceCharacters) continue;
    characters = 0;
    yield sliceCost;
  }
  const wide = wideColumns(names, recording);
  const { contract, fields } = recording;
  const idColumn = contract.features.some(({ name }) => name === fields.id) ? -1 : names.indexOf(fields.id);
  const rowOf = (line: string): RawRow => {
    const cells = cellsOf(line);
    const value = (index: number): unknown => {
      const cell = cells[index];
      if (cell === '') return undefined;
      if (index === idColumn) return cell;
      const number = Number(cell);
      return Number.isNaN(number) && cell.toLowerCase() !== 'nan' ? cell : number;
    };
    const row = Object.fromEntries(names.map((name, index) => [name, value(index)]));
    for (const [name, columns] of wide) row[name] = columns.map(value);
    return row;
  };
  return {
    length: lines.length,
    *[Symbol.iterator]() {
      for (const line of lines) yield rowOf(line);
    },
  };
}

/** The columns of each feature that has all of its own: how many those are is bounded by the header, not by the shape. */
function wideColumns(names: readonly string[], { contract, rowElements }: Recording) {
  const places = new Map(names.map((name, index) => [name, index]));
  return contract.features.flatMap(({ name }, feature) => {
    const columns: number[] = [];
    if (places.has(name)) return [];
    for (let element = 0; element < rowElements[feature]; element++) {
      const place = places.get(`${name}.${element}`);
      if (place === undefined) return [];
      columns.push(place);
    }
    return [[name, columns] as const];
  });
}

function cellCount(line: string): number {
  if (line.includes('"')) return cellsOf(line).length;
  let count = 1;
  for (let at = line.indexOf(','); at >= 0; at = line.indexOf(',', at + 1)) count += 1;
  return count;
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
