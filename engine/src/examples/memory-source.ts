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

/** Four at a time, which V8 does not do by itself and which is worth a third of the time. */
function readBytes(
  values: StoredValues,
  from: number,
  elements: number,
  table: Float32Array,
  out: Float32Array,
  to: number,
): void {
  let j = 0;
  for (; j + 3 < elements; j += 4) {
    out[to + j] = table[values[from + j]];
    out[to + j + 1] = table[values[from + j + 1]];
    out[to + j + 2] = table[values[from + j + 2]];
    out[to + j + 3] = table[values[from + j + 3]];
  }
  for (; j < elements; j++) {
    out[to + j] = table[values[from + j]];
  }
}

function checkedIndex(index: number, count: number): number {
  if (index >= count) {
    throw new RangeError(`example ${index} does not exist; there are ${count}`);
  }
  return index;
}
