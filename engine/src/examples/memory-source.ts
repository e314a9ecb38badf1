/** Examples held in memory in the data types they were recorded in; a batch is normalised while it is read. */
import type { ExampleSource } from '../runtimes/runtime.js';
import { byteTable, readBytes } from './byte-table.js';
import { elementCount, type FeatureContract, featureElements, targetElements } from './contract.js';
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
 * Up to here the normalised numbers are kept, joined as a graph takes them: converting a batch anew each epoch
 * would cost a tenth of a small model's training step. 32 MiB are 10,000 images of 28 by 28.
 */
const normalisedBytesMax = 1 << 25;

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
  const ofFeatures = featureReader(contract, features, count);
  const rowTargets = targetElements(contract);
  const { values } = target;
  return {
    count,
    ...ofFeatures,
    readTargets(indices, out) {
      for (let i = 0; i < indices.length; i++) {
        const from = checkedIndex(indices[i], count) * rowTargets;
        for (let j = 0; j < rowTargets; j++) {
          out[i * rowTargets + j] = values[from + j];
        }
      }
    },
  };
}

function featureReader(
  contract: FeatureContract,
  features: readonly StoredArray[],
  count: number,
): Pick<ExampleSource, 'readFeatures' | 'rows'> {
  const rowElements = featureElements(contract);
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
  const convert = (indices: Uint32Array, out: Float32Array): void => {
    for (const column of columns) {
      readColumn(column, indices, out, rowElements, count);
    }
  };
  if (4 * rowElements * count > normalisedBytesMax) {
    return { readFeatures: convert };
  }
  const values = new Float32Array(rowElements * count);
  convert(
    Uint32Array.from({ length: count }, (_, index) => index),
    values,
  );
  return {
    readFeatures(indices, out) {
      for (let i = 0; i < indices.length; i++) {
        const from = checkedIndex(indices[i], count) * rowElements;
        out.set(values.subarray(from, from + rowElements), i * rowElements);
      }
    },
    rows: {
      values,
      locate(indices, out) {
        for (let i = 0; i < indices.length; i++) out[i] = checkedIndex(indices[i], count);
      },
    },
  };
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
      readBytes(values, from, elements, table, out, to);
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
