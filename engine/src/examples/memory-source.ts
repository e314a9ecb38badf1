/** Examples held in memory in the data types they were recorded in; a batch is normalised while it is read. */
import type { ExampleSource } from '../runtimes/runtime.js';
import {
  elementCount,
  type FeatureContract,
  type FeatureField,
  featureElements,
  targetElements,
} from './contract.js';
import type { StoredArray, StoredValues } from './stored-array.js';

/** Where one feature lies in an example's row of joined features. */
interface Column {
  readonly values: StoredValues;
  readonly elements: number;
  readonly start: number;
  /** Normalised value of every byte, for the one type with few enough values. */
  readonly table: Float32Array | undefined;
  readonly scale: number;
  readonly offset: number;
}

/**
 * A source over validated arrays, one per feature in the contract's order.
 *
 * `readFeatures` writes `[indices.length, featureElements(contract)]`, `readTargets`
 * `[indices.length, targetElements(contract)]`.
 */
export function memorySource(
  contract: FeatureContract,
  features: readonly StoredArray[],
  target: StoredArray,
): ExampleSource {
  const count = target.shape[0];
  const rowElements = featureElements(contract);
  const rowTargets = targetElements(contract);
  let start = 0;
  const columns = contract.features.map((field, index): Column => {
    const elements = elementCount(field.shape);
    const column = {
      values: features[index].values,
      elements,
      start,
      table: field.dataType === 'uint8' ? byteTable(field) : undefined,
      scale: field.scale,
      offset: field.offset,
    };
    start += elements;
    return column;
  });

  return {
    count,
    readFeatures(indices, out) {
      for (const column of columns) {
        readColumn(column, indices, out, rowElements, count);
      }
    },
    readTargets(indices, out) {
      const { values } = target;
      for (let i = 0; i < indices.length; i++) {
        const from = checkedIndex(indices[i], count) * rowTargets;
        for (let j = 0; j < rowTargets; j++) {
          out[i * rowTargets + j] = values[from + j];
        }
      }
    },
  };
}

function byteTable(field: FeatureField): Float32Array {
  return Float32Array.from({ length: 256 }, (_, value) => value * field.scale + field.offset);
}

function readColumn(
  column: Column,
  indices: Uint32Array,
  out: Float32Array,
  rowElements: number,
  count: number,
): void {
  const { values, elements, scale, offset, table } = column;
  for (let i = 0; i < indices.length; i++) {
    const from = checkedIndex(indices[i], count) * elements;
    const to = i * rowElements + column.start;
    if (table !== undefined) {
      for (let j = 0; j < elements; j++) {
        out[to + j] = table[values[from + j]];
      }
    } else if (scale === 1 && offset === 0) {
      out.set(values.subarray(from, from + elements), to);
    } else {
      for (let j = 0; j < elements; j++) {
        out[to + j] = values[from + j] * scale + offset;
      }
    }
  }
}

function checkedIndex(index: number, count: number): number {
  if (index >= count) {
    throw new RangeError(`example ${index} does not exist; there are ${count}`);
  }
  return index;
}
