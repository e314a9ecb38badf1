/** Splits CSV text into rows as RFC 4180 says, a chunk at a time. What a field means is the caller's business. */

/** Why a text is not CSV. `line` counts from 1. */
export class CsvSyntaxError extends Error {
  readonly line: number;

  constructor(line: number, problem: string) {
    super(problem);
    this.name = 'CsvSyntaxError';
    this.line = line;
  }
}

export interface CsvRowSplitter {
  /** Takes the next piece of text, wherever it was cut. */
  push(text: string): void;
  /** Ends the text; the last row needs no line break. */
  end(): void;
}

type State = 'field start' | 'plain' | 'quoted' | 'quote in quoted';

/** Longest row, in characters; a missing closing quote must not collect a whole file. */
export const csvRowCharactersMax = 1 << 24;

/**
 * Calls `onRow` for each row with its fields and the line it begins on, counted from 1. Empty lines are skipped.
 *
 * @throws CsvSyntaxError from `push` and `end`
 */
export function splitCsvRows(onRow: (fields: readonly string[], line: number) => void): CsvRowSplitter {
  let state: State = 'field start';
  let field = '';
  let fields: string[] = [];
  let rowCharacters = 0;
  let line = 1;
  let rowLine = 1;
  let pendingReturn = false;

  const endField = (): void => {
    fields.push(field);
    field = '';
    state = 'field start';
  };
  const endRow = (): void => {
    endField();
    if (fields.length > 1 || fields[0] !== '') {
      onRow(fields, rowLine);
    }
    fields = [];
    rowCharacters = 0;
    rowLine = line;
  };

  function take(character: string): void {
    if (state === 'quoted') {
      if (character === '"') {
        state = 'quote in quoted';
      } else {
        line += character === '\n' ? 1 : 0;
        field += character;
      }
    } else if (character === ',') {
      endField();
    } else if (character === '\n') {
      line++;
      endRow();
    } else if (state === 'quote in quoted') {
      if (character !== '"') {
        throw new CsvSyntaxError(line, 'text follows a closing quote');
      }
      field += '"';
      state = 'quoted';
    } else if (character === '"') {
      if (state === 'plain') {
        throw new CsvSyntaxError(line, 'a quote stands inside a field that is not quoted');
      }
      state = 'quoted';
    } else {
      field += character;
      state = 'plain';
    }
  }

  /** The plain characters from `start` on, taken in one piece, which is what most of a numeric file is. */
  function takeRun(text: string, start: number): number {
    let end = start;
    while (end < text.length && isPlain(text.charCodeAt(end))) {
      end++;
    }
    if (end > start) {
      field += text.slice(start, end);
      state = 'plain';
    }
    return end;
  }

  return {
    push(text) {
      let at = 0;
      while (at < text.length) {
        if (!pendingReturn && (state === 'field start' || state === 'plain')) {
          const end = takeRun(text, at);
          rowCharacters += end - at;
          at = end;
          if (at === text.length) {
            break;
          }
        }
        const character = text[at++];
        if (++rowCharacters > csvRowCharactersMax) {
          throw new CsvSyntaxError(rowLine, `this row is longer than ${csvRowCharactersMax} characters`);
        }
        if (pendingReturn && character !== '\n') {
          throw new CsvSyntaxError(line, 'a carriage return stands alone');
        }
        pendingReturn = character === '\r' && state !== 'quoted';
        if (!pendingReturn) {
          take(character);
        }
      }
      if (rowCharacters > csvRowCharactersMax) {
        throw new CsvSyntaxError(rowLine, `this row is longer than ${csvRowCharactersMax} characters`);
      }
    },
    end() {
      if (state === 'quoted') {
        throw new CsvSyntaxError(rowLine, 'a quoted field is never closed');
      }
      if (pendingReturn) {
        throw new CsvSyntaxError(line, 'a carriage return stands alone');
      }
      if (state !== 'field start' || fields.length > 0) {
        endRow();
      }
    },
  };
}

const comma = 0x2c;
const quote = 0x22;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

function isPlain(code: number): boolean {
  return code !== comma && code !== quote && code !== lineFeed && code !== carriageReturn;
}
