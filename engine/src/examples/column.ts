/** One column of a task's examples as recorded numbers: for questions that need no model. */
import type { ExampleSource } from '../runtimes/runtime.js';
import {
  type ExampleDataType,
  elementCount,
  type FeatureContract,
  featureElements,
  targetElements,
} from './contract.js';
import { ExamplesError } from './errors.js';

/** Where a column's numbers lie in an example's joined features, or in its target. */
export interface ExampleColumn {
  readonly part: 'features' | 'target';
  /** First element. */
  readonly start: number;
  /** Elements of one example; 1 for a single number. */
  readonly elements: number;
  /** Recorded = (read - offset) / scale. */
  readonly scale: number;
  readonly offset: number;
  /** Whether every recorded value is a whole number. */
  readonly whole: boolean;
  /** Least and greatest recorded value that the contract allows. */
  readonly range: readonly [min: number, max: number];
}

/**
 * The column of a contract that is called `name`: a feature, the target, or one element of either, as in `reading.2`.
 *
 * @throws ExamplesError `examples/contract-broken` that lists the columns there are
 */
export function findColumn(contract: FeatureContract, name: string): ExampleColumn {
  let start = 0;
  for (const field of contract.features) {
    const elements = elementCount(field.shape);
    const element = elementOf(name, field.name, elements);
    if (element !== undefined) {
      const { scale, offset, range } = field;
      const whole = isWhole(field.dataType);
      return { part: 'features', ...spanOf(element, start, elements), scale, offset, whole, range };
    }
    start += elements;
  }
  const { target } = contract;
  const elements = targetElements(contract);
  const element = elementOf(name, target.name, elements);
  if (element === undefined) throw unknownColumn(contract, name);
  const isClass = target.kind === 'class';
  return {
    part: 'target',
    ...spanOf(element, 0, elements),
    scale: 1,
    offset: 0,
    whole: isClass,
    range: target.kind === 'class' ? [0, target.classes - 1] : target.range,
  };
}

/** Recorded values of a column, one example after the other: `[source.count, column.elements]`. */
export function readColumn(
  source: ExampleSource,
  contract: FeatureContract,
  column: ExampleColumn,
): Float64Array {
  const { part, start, elements, scale, offset, whole } = column;
  const rowElements = part === 'features' ? featureElements(contract) : targetElements(contract);
  const values = new Float64Array(source.count * elements);
  const rows = Math.max(1, Math.floor(readElementsMax / rowElements));
  for (let first = 0; first < source.count; first += rows) {
    const count = Math.min(rows, source.count - first);
    const indices = Uint32Array.from({ length: count }, (_, i) => first + i);
    const read = new (contract.target.kind === 'class' && part === 'target' ? Int32Array : Float32Array)(
      count * rowElements,
    );
    if (part === 'target') source.readTargets(indices, read);
    else if (read instanceof Float32Array) source.readFeatures(indices, read);
    for (let row = 0; row < count; row += 1) {
      for (let element = 0; element < elements; element += 1) {
        const value = (read[row * rowElements + start + element] - offset) / scale;
        values[(first + row) * elements + element] = whole ? Math.round(value) : value;
      }
    }
  }
  return values;
}

/** Bounds the memory of one read: 4 MiB. */
const readElementsMax = 1 << 20;

/** The element that `name` means of the field; `all` of them for its bare name. */
function elementOf(name: string, field: string, elements: number): number | 'all' | undefined {
  if (name === field) return 'all';
  if (!name.startsWith(`${field}.`)) return undefined;
  const rest = name.slice(field.length + 1);
  const element = Number(rest);
  return /^\d+$/.test(rest) && element < elements ? element : undefined;
}

function spanOf(element: number | 'all', start: number, elements: number) {
  return element === 'all' ? { start, elements } : { start: start + element, elements: 1 };
}

function isWhole(dataType: ExampleDataType): boolean {
  return dataType !== 'float32' && dataType !== 'float64';
}

function unknownColumn({ features, target }: FeatureContract, name: string): ExamplesError {
  const names = [...features.map((field) => field.name), target.name].join(', ');
  return new ExamplesError(
    'examples/contract-broken',
    'column',
    `there is no column ${JSON.stringify(name)}`,
    `The task's examples have ${names}; "${features[0]?.name ?? target.name}.0" is the first element of one.`,
  );
}
