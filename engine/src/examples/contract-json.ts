/** The JSON form of a {@link FeatureContract}: reading it strictly, and its one canonical spelling. */
import {
  type ExampleDataType,
  elementCount,
  exampleDataTypes,
  type FeatureContract,
  type FeatureField,
  type TargetField,
} from './contract.js';
import { ExamplesError } from './errors.js';

/** Bounds that keep a hostile contract from costing memory; far above what a device's example needs. */
export const contractLimits = {
  features: 1024,
  rank: 8,
  elements: 1 << 26,
  classes: 1 << 20,
  nameLength: 64,
};

const namePattern = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** Greatest and least value each integer type can hold. */
const integerRanges: Readonly<Partial<Record<ExampleDataType, readonly [number, number]>>> = {
  uint8: [0, 0xff],
  int8: [-0x80, 0x7f],
  uint16: [0, 0xffff],
  int16: [-0x8000, 0x7fff],
  int32: [-0x80000000, 0x7fffffff],
};

type Json = Readonly<Record<string, unknown>>;

function invalid(path: string, problem: string, remedy: string): never {
  throw new ExamplesError('examples/contract-invalid', path, problem, remedy);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readObject(value: unknown, path: string, known: readonly string[]): Json {
  if (!isObject(value)) {
    invalid(path, 'this must be an object', `Write an object with ${known.join(', ')}.`);
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    invalid(path, `the field ${JSON.stringify(unknown)} is not known`, `It takes ${known.join(', ')}.`);
  }
  return value;
}

function readName(object: Json, path: string): string {
  const name = object.name;
  if (typeof name !== 'string' || name.length > contractLimits.nameLength || !namePattern.test(name)) {
    invalid(
      `${path}.name`,
      'this is not a name',
      `Use 1 to ${contractLimits.nameLength} letters, digits, "_" or "-", a letter first.`,
    );
  }
  return name;
}

function readNumber(value: unknown, path: string, otherwise: number): number {
  const found = value ?? otherwise;
  if (typeof found !== 'number' || !Number.isFinite(found)) {
    invalid(path, 'this must be a finite number', 'Write a number.');
  }
  return found;
}

function readShape(value: unknown, path: string): readonly number[] {
  const sizes: readonly unknown[] = Array.isArray(value) ? value : [undefined];
  const shape = sizes.filter((size) => Number.isSafeInteger(size) && Number(size) > 0).map(Number);
  if (shape.length !== sizes.length || shape.length > contractLimits.rank) {
    invalid(
      path,
      `this must be a list of at most ${contractLimits.rank} positive integers`,
      'Write for instance [28, 28], or [] for a single number.',
    );
  }
  if (elementCount(shape) > contractLimits.elements) {
    invalid(path, `this shape has more than ${contractLimits.elements} elements`, 'Make examples smaller.');
  }
  return shape;
}

function readRange(value: unknown, path: string): readonly [number, number] {
  const [min, max, ...rest]: readonly unknown[] = Array.isArray(value) ? value : [];
  if (
    typeof min !== 'number' ||
    typeof max !== 'number' ||
    !Number.isFinite(min) ||
    !Number.isFinite(max) ||
    min > max ||
    rest.length > 0
  ) {
    invalid(path, 'this must be two finite numbers, the least first', 'Write for instance [0, 255].');
  }
  return [min, max];
}

function readUnit(object: Json, path: string): { readonly unit?: string } {
  if (object.unit === undefined) {
    return {};
  }
  if (typeof object.unit !== 'string' || object.unit.length > contractLimits.nameLength) {
    invalid(`${path}.unit`, 'this must be a short text', 'Write the unit, such as "m/s2", or leave it out.');
  }
  return { unit: object.unit };
}

function readFeature(value: unknown, path: string): FeatureField {
  const known = ['name', 'dataType', 'shape', 'range', 'scale', 'offset', 'unit'];
  const object = readObject(value, path, known);
  const name = readName(object, path);
  const dataType = exampleDataTypes.find((candidate) => candidate === object.dataType);
  if (dataType === undefined) {
    invalid(`${path}.dataType`, 'this is not a data type', `Use one of ${exampleDataTypes.join(', ')}.`);
  }
  const range = readRange(object.range, `${path}.range`);
  const [least, most] = integerRanges[dataType] ?? range;
  if (range[0] < least || range[1] > most) {
    invalid(`${path}.range`, `${dataType} cannot hold this range`, `Stay within [${least}, ${most}].`);
  }
  return {
    name,
    dataType,
    shape: readShape(object.shape, `${path}.shape`),
    range,
    scale: readNumber(object.scale, `${path}.scale`, 1),
    offset: readNumber(object.offset, `${path}.offset`, 0),
    ...readUnit(object, path),
  };
}

function readTarget(value: unknown, path: string): TargetField {
  if (isObject(value) && value.kind === 'class') {
    const object = readObject(value, path, ['kind', 'name', 'classes']);
    const classes = object.classes;
    if (
      typeof classes !== 'number' ||
      !Number.isSafeInteger(classes) ||
      classes < 2 ||
      classes > contractLimits.classes
    ) {
      invalid(
        `${path}.classes`,
        'this is not a number of classes',
        `Use an integer from 2 to ${contractLimits.classes}.`,
      );
    }
    return { kind: 'class', name: readName(object, path), classes };
  }
  if (isObject(value) && value.kind === 'number') {
    const object = readObject(value, path, ['kind', 'name', 'shape', 'range', 'unit']);
    return {
      kind: 'number',
      name: readName(object, path),
      shape: readShape(object.shape, `${path}.shape`),
      range: readRange(object.range, `${path}.range`),
      ...readUnit(object, path),
    };
  }
  return invalid(`${path}.kind`, 'this is not a kind of target', 'Use "class" or "number".');
}

/**
 * Reads a contract from a parsed JSON (or YAML) value.
 *
 * @throws ExamplesError `examples/contract-invalid`
 */
export function readContract(value: unknown, path: string): FeatureContract {
  const object = readObject(value, path, ['features', 'target']);
  const list: readonly unknown[] = Array.isArray(object.features) ? object.features : [];
  if (list.length === 0 || list.length > contractLimits.features) {
    invalid(
      `${path}.features`,
      `this must be a list of 1 to ${contractLimits.features} fields`,
      'Name at least one feature.',
    );
  }
  const features = list.map((item, index) => readFeature(item, `${path}.features[${index}]`));
  const target = readTarget(object.target, `${path}.target`);
  const names = [...features.map((field) => field.name), target.name];
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) {
    invalid(path, `the name ${JSON.stringify(repeated)} is used twice`, 'Give each field a name of its own.');
  }
  const elements = features.reduce((sum, field) => sum + elementCount(field.shape), 0);
  if (elements > contractLimits.elements) {
    invalid(
      `${path}.features`,
      `one example has more than ${contractLimits.elements} numbers`,
      'Make examples smaller.',
    );
  }
  return { features, target };
}

/**
 * Reads a contract from JSON that nobody vouches for. `scale` and `offset` may be absent and are then 1 and 0.
 *
 * @throws ExamplesError `examples/contract-invalid`, naming the field and what would be right
 */
export function parseFeatureContract(json: string, path = 'feature contract'): FeatureContract {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new ExamplesError(
      'examples/contract-invalid',
      path,
      'this is not JSON',
      'Write one JSON object with "features" and "target".',
      error,
    );
  }
  return readContract(value, path);
}

/** The one spelling of a contract: keys sorted, no white space. Equal contracts give equal strings. */
export function formatFeatureContract(contract: FeatureContract): string {
  return JSON.stringify(contract, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
