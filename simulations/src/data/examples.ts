/** Examples in memory that all workers share. */
import type { ExampleSource } from '@starling/engine';
import { byteTable, readBytes } from '@starling/engine/examples';

/** Plain data: what `postMessage` hands to a worker without a copy of the arrays. */
export interface SharedExamples {
  readonly count: number;
  readonly featureElements: number;
  /** `[count, featureElements]`; bytes become `value * scale + offset` when a batch is read. */
  readonly features: Uint8Array | Float32Array;
  readonly scale: number;
  readonly offset: number;
  /** `[count, targetElements]`. */
  readonly targets: Int32Array | Float32Array;
  readonly targetElements: number;
}

export const sharedBytes = (length: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(length));
export const sharedFloats = (length: number): Float32Array =>
  new Float32Array(new SharedArrayBuffer(4 * length));
export const sharedDoubles = (length: number): Float64Array =>
  new Float64Array(new SharedArrayBuffer(8 * length));
export const sharedIntegers = (length: number): Int32Array =>
  new Int32Array(new SharedArrayBuffer(4 * length));
export const sharedIndices = (length: number): Uint32Array =>
  new Uint32Array(new SharedArrayBuffer(4 * length));

/** Class indices of the examples, which label partitions and attacks need; undefined where targets are numbers. */
export function labelsOf({ targets, targetElements }: SharedExamples): Int32Array | undefined {
  return targets instanceof Int32Array && targetElements === 1 ? targets : undefined;
}

/** Copies everything of `source`, which has validated it, into shared memory. */
export function shareExamples(
  source: ExampleSource,
  shape: { readonly featureElements: number; readonly targetElements: number; readonly classes: boolean },
): SharedExamples {
  const { count } = source;
  const { featureElements, targetElements } = shape;
  const features = sharedFloats(count * featureElements);
  const targets = shape.classes
    ? sharedIntegers(count * targetElements)
    : sharedFloats(count * targetElements);
  const block = 1024;
  for (let first = 0; first < count; first += block) {
    const end = Math.min(count, first + block);
    const indices = Uint32Array.from({ length: end - first }, (_, index) => first + index);
    source.readFeatures(indices, features.subarray(first * featureElements, end * featureElements));
    source.readTargets(indices, targets.subarray(first * targetElements, end * targetElements));
  }
  return { count, featureElements, features, scale: 1, offset: 0, targets, targetElements };
}

/**
 * The examples at `indices[from..to-1]`, read from shared memory. One source serves a worker for all its clients: `select`
 * points it at the next one, and nothing is allocated.
 */
export class ClientExamples implements ExampleSource {
  /** Validated when the data was read. */
  readonly checked = true;
  count = 0;
  readonly #examples: SharedExamples;
  readonly #table: Float32Array | undefined;
  #indices: Uint32Array = new Uint32Array(0);

  constructor(examples: SharedExamples) {
    this.#examples = examples;
    this.#table = examples.features instanceof Uint8Array ? byteTable(examples) : undefined;
  }

  select(indices: Uint32Array): this {
    this.#indices = indices;
    this.count = indices.length;
    return this;
  }

  readFeatures(indices: Uint32Array, out: Float32Array): void {
    const { features, featureElements } = this.#examples;
    const table = this.#table;
    for (let row = 0; row < indices.length; row += 1) {
      const from = this.#indices[indices[row]] * featureElements;
      const to = row * featureElements;
      if (table === undefined) out.set(features.subarray(from, from + featureElements), to);
      else readBytes(features, from, featureElements, table, out, to);
    }
  }

  readTargets(indices: Uint32Array, out: Int32Array | Float32Array): void {
    const { targets, targetElements } = this.#examples;
    for (let row = 0; row < indices.length; row += 1) {
      const from = this.#indices[indices[row]] * targetElements;
      for (let at = 0; at < targetElements; at += 1) out[row * targetElements + at] = targets[from + at];
    }
  }
}
