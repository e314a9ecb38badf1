import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CsvSyntaxError, splitCsvRows } from './csv-rows.js';

function rowsOf(pieces: readonly string[]): readonly (readonly string[])[] {
  const rows: (readonly string[])[] = [];
  const splitter = splitCsvRows((fields) => rows.push(fields));
  for (const piece of pieces) {
    splitter.push(piece);
  }
  splitter.end();
  return rows;
}

const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;

test('what RFC 4180 writes is read back, wherever the text is cut', () => {
  const field = fc.string({ unit: fc.constantFrom('a', '1', ',', '"', '\n', '\r', ' ', 'é'), maxLength: 6 });
  const table = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 5 });
  fc.assert(
    fc.property(table, fc.constantFrom('\n', '\r\n'), fc.array(fc.nat(40)), (rows, lineBreak, cuts) => {
      const text = rows.map((row) => row.map(quoted).join(',') + lineBreak).join('');
      const pieces = [0, ...cuts.sort((a, b) => a - b), text.length].map((cut, index, all) =>
        text.slice(cut, all[index + 1] ?? text.length),
      );
      expect(rowsOf(pieces)).toEqual(rows);
    }),
  );
});

test('plain fields, empty lines, and a last line without a break', () => {
  expect(rowsOf(['a,b\n\n1,', '2\r\n', '\r\n3,""'])).toEqual([
    ['a', 'b'],
    ['1', '2'],
    ['3', ''],
  ]);
});

test('rows know the line they begin on', () => {
  const lines: number[] = [];
  const splitter = splitCsvRows((_fields, line) => lines.push(line));
  splitter.push('a,b\n"x\ny",1\n\n3,4\n');
  splitter.end();
  expect(lines).toEqual([1, 2, 5]);
});

test.each([
  ['a"b,c\n', 1],
  ['a,b\n"x"y,1\n', 2],
  ['a,b\n"never closed\n1,2\n', 2],
  ['a,b\rc,d\n', 1],
])('refuses %j and names line %i', (text, line) => {
  try {
    rowsOf([text]);
  } catch (error) {
    expect(error).toBeInstanceOf(CsvSyntaxError);
    expect((error as CsvSyntaxError).line).toBe(line);
    return;
  }
  throw new Error('nothing was thrown');
});
