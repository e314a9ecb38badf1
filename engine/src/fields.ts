/**
 * Reading the fields of untrusted JSON. Every fault names the place ("layer 2 (conv2d)"), the field, what was
 * found and what would be right; the place decides which typed error carries the message.
 */

/** Where a reader is, and how it refuses what it finds there. */
export interface Place {
  readonly name: string;
  readonly error: (message: string) => Error;
}

/** Typed access to the fields of one object; {@link Fields.end} refuses those nobody read. */
export interface Fields {
  readonly place: Place;
  integer(name: string, atLeast: number, otherwise?: number): number;
  number(name: string, accept: (value: number) => boolean, range: string, otherwise?: number): number;
  boolean(name: string, otherwise?: boolean): boolean;
  string(name: string, accept: RegExp, description: string): string;
  oneOf<T extends string>(name: string, choices: readonly T[], otherwise?: T): T;
  /** A list of integers of the given length (any length where undefined). */
  integers(
    name: string,
    length: number | undefined,
    atLeast: number,
    otherwise?: readonly number[],
  ): readonly number[];
  /** A list, each item read by `read` with its index. */
  list<T>(name: string, read: (item: unknown, index: number) => T): readonly T[];
  /** The raw value, for a field with a reader of its own. */
  raw(name: string): unknown;
  end(): void;
}

export function fail(place: Place, message: string): never {
  throw place.error(`${place.name}: ${message}`);
}

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function readFields(value: unknown, place: Place): Fields {
  if (!isRecord(value)) {
    fail(place, `expected an object with fields, found ${show(value)}`);
  }
  const known = new Set<string>();
  const take = (name: string): unknown => {
    known.add(name);
    return value[name];
  };
  const isInteger = (found: unknown, atLeast: number): found is number =>
    typeof found === 'number' && Number.isSafeInteger(found) && found >= atLeast;

  return {
    place,
    integer(name, atLeast, otherwise) {
      const found = take(name) ?? otherwise;
      if (!isInteger(found, atLeast)) {
        fail(place, `"${name}" must be an integer of at least ${atLeast}, found ${show(found)}`);
      }
      return found;
    },
    number(name, accept, range, otherwise) {
      const found = take(name) ?? otherwise;
      if (typeof found !== 'number' || !Number.isFinite(found) || !accept(found)) {
        fail(place, `"${name}" must be a number ${range}, found ${show(found)}`);
      }
      return found;
    },
    boolean(name, otherwise) {
      const found = take(name) ?? otherwise;
      if (typeof found !== 'boolean') {
        fail(place, `"${name}" must be true or false, found ${show(found)}`);
      }
      return found;
    },
    string(name, accept, description) {
      const found = take(name);
      if (typeof found !== 'string' || !accept.test(found)) {
        fail(place, `"${name}" must be ${description}, found ${show(found)}`);
      }
      return found;
    },
    oneOf(name, choices, otherwise) {
      const found = take(name) ?? otherwise;
      const choice = choices.find((candidate) => candidate === found);
      if (choice === undefined) {
        fail(place, `"${name}" must be one of ${choices.join(', ')}; found ${show(found)}`);
      }
      return choice;
    },
    integers(name, length, atLeast, otherwise) {
      const found = take(name) ?? otherwise;
      const list: unknown[] = Array.isArray(found) ? found : [];
      if (
        !Array.isArray(found) ||
        (length !== undefined && list.length !== length) ||
        !list.every((item) => isInteger(item, atLeast))
      ) {
        const count = length === undefined ? 'a list of' : `a list of ${length}`;
        fail(place, `"${name}" must be ${count} integers of at least ${atLeast}, found ${show(found)}`);
      }
      return list.filter((item) => isInteger(item, atLeast));
    },
    list(name, read) {
      const found = take(name);
      if (!Array.isArray(found)) {
        fail(place, `"${name}" must be a list, found ${show(found)}`);
      }
      return found.map(read);
    },
    raw: take,
    end() {
      const unknown = Object.keys(value).find((key) => !known.has(key));
      if (unknown !== undefined) {
        fail(place, `unknown field "${unknown}"; it takes ${[...known].join(', ')}`);
      }
    },
  };
}
