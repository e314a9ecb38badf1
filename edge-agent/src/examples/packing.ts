/** Examples as bytes: each feature in the contract's data type, so that a pixel costs one byte and not eight. */
import {
  type ArrayColumn,
  arraySource,
  type ExampleDataType,
  elementCount,
  type FeatureContract,
  featureElements,
  targetElements,
} from '@starling/engine/examples';
import type { StoredExample } from './store.js';

const arrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const satisfies Record<ExampleDataType, unknown>;

const writers: Readonly<Record<ExampleDataType, (view: DataView, at: number, value: number) => void>> = {
  uint8: (view, at, value) => view.setUint8(at, value),
  int8: (view, at, value) => view.setInt8(at, value),
  uint16: (view, at, value) => view.setUint16(at, value, true),
  int16: (view, at, value) => view.setInt16(at, value, true),
  int32: (view, at, value) => view.setInt32(at, value, true),
  float32: (view, at, value) => view.setFloat32(at, value, true),
  float64: (view, at, value) => view.setFloat64(at, value, true),
};

/** Little-endian, as all machines are that ONNX Runtime is built for. */
export function packFeatures({ features }: FeatureContract, values: readonly Float64Array[]): Uint8Array {
  let length = 0;
  for (const [index, { dataType }] of features.entries()) {
    length += values[index].length * arrays[dataType].BYTES_PER_ELEMENT;
  }
  // One array for all: rows of many small features are the most frequent ones.
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [index, { dataType }] of features.entries()) {
    const write = writers[dataType];
    const size = arrays[dataType].BYTES_PER_ELEMENT;
    for (const value of values[index]) {
      write(view, at, value);
      at += size;
    }
  }
  return bytes;
}

export function toBytes(numbers: ArrayLike<number>): Uint8Array {
  return new Uint8Array(new Float64Array(numbers).buffer);
}

export function fromBytes(bytes: Uint8Array): Float64Array {
  return new Float64Array(Uint8Array.from(bytes).buffer);
}

/** The values of one stored example, by feature. */
export function unpackFeatures({ features }: FeatureContract, packed: Uint8Array): readonly Float64Array[] {
  const bytes = Uint8Array.from(packed);
  let at = 0;
  return features.map(({ dataType, shape }) => {
    const size = elementCount(shape) * arrays[dataType].BYTES_PER_ELEMENT;
    const values = Float64Array.from(new arrays[dataType](bytes.slice(at, at + size).buffer));
    at += size;
    return values;
  });
}

/**
 * Labelled examples as a source to train from.
 *
 * @throws ExamplesError where they do not meet `contract`
 */
export function sourceOfStored(
  contract: FeatureContract,
  stored: Iterable<Pick<StoredExample, 'features' | 'label'>>,
  place: string,
): ReturnType<typeof arraySource> {
  const rows = [...stored];
  const { target } = contract;
  let at = 0;
  const features = contract.features.map(({ dataType, shape }): ArrayColumn => {
    const size = elementCount(shape) * arrays[dataType].BYTES_PER_ELEMENT;
    const bytes = new Uint8Array(size * rows.length);
    for (const [row, { features }] of rows.entries()) bytes.set(features.subarray(at, at + size), row * size);
    at += size;
    return { dataType, shape: [rows.length, ...shape], bytes: bytes.buffer };
  });
  const width = targetElements(contract);
  const labels = new Float64Array(rows.length * width);
  for (const [row, { label }] of rows.entries()) if (label !== undefined) labels.set(label, row * width);
  const targets: ArrayColumn =
    target.kind === 'class'
      ? { dataType: 'int32', shape: [rows.length], bytes: Int32Array.from(labels).buffer }
      : { dataType: 'float64', shape: [rows.length, ...target.shape], bytes: labels.buffer };
  return arraySource(contract, features, targets, place);
}

/**
 * The features of one example as a model takes them: joined in the contract's order and normalised, just as training has them.
 *
 * @returns `[featureElements(contract)]`
 */
export function modelRow(
  contract: FeatureContract,
  values: readonly Float64Array[],
): Float32Array<ArrayBuffer> {
  // Nobody knows its target: the first of any classes stands in for it.
  const target = { kind: 'class', name: contract.target.name, classes: 2 } as const;
  const stored = { features: packFeatures(contract, values), label: undefined };
  const row = new Float32Array(featureElements(contract));
  sourceOfStored({ ...contract, target }, [stored], 'an example').readFeatures(Uint32Array.of(0), row);
  return row;
}
