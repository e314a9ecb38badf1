import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Pieces, sliceCharacters } from '../pieces.js';
import { readJson } from './json.js';

function read(text: string): { readonly rows: unknown; readonly pieces: number } | 'refused' {
  try {
    const reading: Pieces<unknown> = readJson(Buffer.from(text));
    for (let pieces = 0; ; pieces++) {
      const { done, value } = reading.next();
      if (done) return { rows: value, pieces };
    }
  } catch {
    return 'refused';
  }
}

/** What the whole text is, read at once. */
function readAtOnce(text: string): unknown {
  try {
    const rows: unknown = JSON.parse(text);
    const isRows = Array.isArray(rows) && rows.every((row) => row instanceof Object && !Array.isArray(row));
    return isRows ? rows : 'refused';
  } catch {
    return 'refused';
  }
}

/** Texts that look like what a list is made of. */
const tricky = fc
  .array(fc.constantFrom('"', '\\', '[', ']', '{', '}', ',', ' ', 'é', '\n', '𝄞'), { maxLength: 12 })
  .map((parts) => parts.join(''));
const rows = fc.array(
  fc.dictionary(
    tricky,
    fc.oneof(tricky, fc.double({ noNaN: true }), fc.array(fc.array(tricky)), fc.constant({ a: [{}] })),
    {
      minKeys: 1,
    },
  ),
  { minLength: 1, maxLength: 20 },
);
const indents = fc.constantFrom(undefined, 1, '\t');
/** So often that they are read in several parts. */
const long = (given: readonly object[], indent: string | number | undefined): string => {
  const many = Array.from(
    { length: Math.ceil((3 * sliceCharacters) / JSON.stringify(given).length) },
    () => given,
  );
  return JSON.stringify(many.flat(), undefined, indent);
};

test('a list that is read in parts has the rows that it has as a whole', () => {
  fc.assert(
    fc.property(rows, indents, (given, indent) => {
      const text = long(given, indent);
      const done = read(text);
      expect(done).toMatchObject({ pieces: expect.any(Number) });
      if (done === 'refused') return;
      expect(done.pieces).toBeGreaterThan(2);
      expect(JSON.stringify(done.rows)).toBe(JSON.stringify(JSON.parse(text)));
    }),
    { numRuns: 30 },
  );
});

test('a damaged list is refused, in whichever part, or is what it is as a whole', () => {
  const damage = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    put: fc.constantFrom('', ',', '"', '\\', '[', ']', '{', '}', ',,', '],[', ' '),
  });
  fc.assert(
    fc.property(rows, indents, damage, (given, indent, { at, put }) => {
      const text = long(given, indent);
      const place = Math.floor(at * text.length);
      const damaged = `${text.slice(0, place)}${put}${text.slice(place + 1)}`.trim();
      if (!damaged.startsWith('[')) return;
      const done = read(damaged);
      expect(done === 'refused' ? done : done.rows).toEqual(readAtOnce(damaged));
    }),
    { numRuns: 60 },
  );
  for (const wrong of [',', ' , ', `${','}${' '.repeat(sliceCharacters)}`]) {
    const text = long([{ a: 1 }], undefined);
    expect(read(`${text.slice(0, -1)}${wrong}]`)).toBe('refused');
    expect(read(`[${wrong}${text.slice(1)}`)).toBe('refused');
    expect(read(`${text}${wrong}`)).toBe('refused');
  }
});

test('lines are read in parts too, each a row of its own', () => {
  const lines = Array.from({ length: 20_000 }, (_, a) => JSON.stringify({ a }));
  const done = read(lines.join('\n'));
  expect(done).toMatchObject({ rows: { length: 20_000 } });
  expect(done).toMatchObject({ pieces: Math.floor(lines.join('').length / (sliceCharacters + 10)) });
  expect(read([...lines, '{"a":1},{"a":2}'].join('\n'))).toBe('refused');
  expect(read('[]')).toMatchObject({ rows: [] });
});
