/** Feeding examples to a graph, batch by batch. No array is made after the first chunk. */
import { elementCount } from '../onnx/index.js';
import type { PlanManifest } from '../plan/index.js';
import { firstNonFinite } from './checks.js';
import type { ChunkArrays } from './chunk-buffers.js';
import { RuntimeError } from './errors.js';
import type { ExampleRows, ExampleSource } from './runtime.js';

/** Where a reader writes to. */
export interface Chunk {
  readonly arrays: ChunkArrays;
  readonly batchSize: number;
  /** Where the features lie already; left out, they are copied into the chunk's. */
  readonly rows?: ExampleRows | undefined;
}

/** Reads batches of examples into the arrays of a chunk. */
export class ChunkReader {
  readonly arrays: ChunkArrays;
  /** `[rows, …featureShape]`: what the arrays' `order` points into. */
  readonly features: Float32Array;
  readonly #manifest: PlanManifest;
  readonly #examples: ExampleSource;
  readonly #batchSize: number;
  readonly #rows: ExampleRows | undefined;
  readonly #featureElements: number;
  readonly #targetElements: number;

  constructor(manifest: PlanManifest, examples: ExampleSource, { arrays, batchSize, rows }: Chunk) {
    this.#manifest = manifest;
    this.#examples = examples;
    this.#batchSize = batchSize;
    this.#rows = rows;
    this.#featureElements = elementCount(manifest.featureShape);
    this.#targetElements = elementCount(manifest.targetShape);
    this.arrays = arrays;
    this.features = rows?.values ?? arrays.features;
  }

  /**
   * Reads the examples at `indices` as batches from number `step` on; what the last one lacks has weight 0. Examples are
   * immutable, so `check` is needed only the first time.
   */
  read(step: number, indices: Uint32Array, check: boolean): void {
    const { order, targets, weights } = this.arrays;
    const first = step * this.#batchSize;
    const end = first + indices.length;
    const batchEnd = Math.ceil(end / this.#batchSize) * this.#batchSize;
    if (this.#rows === undefined) this.#copy(indices, first, batchEnd);
    else {
      this.#rows.locate(indices, order.subarray(first, end));
      order.fill(order[first], end, batchEnd);
    }
    const width = this.#targetElements;
    this.#examples.readTargets(indices, targets.subarray(first * width, end * width));
    targets.fill(0, end * width, batchEnd * width);
    weights.fill(1, first, end);
    weights.fill(0, end, batchEnd);
    if (check && this.#examples.checked !== true) this.#check(indices, first);
  }

  #copy(indices: Uint32Array, first: number, batchEnd: number): void {
    const { features, order } = this.arrays;
    const width = this.#featureElements;
    const end = first + indices.length;
    this.#examples.readFeatures(indices, features.subarray(first * width, end * width));
    features.fill(0, end * width, batchEnd * width);
    for (let at = first; at < batchEnd; at++) order[at] = at;
  }

  #check(indices: Uint32Array, first: number): void {
    const { order, targets } = this.arrays;
    const width = this.#featureElements;
    for (const [at, example] of indices.entries()) {
      const from = order[first + at] * width;
      const features = this.features.subarray(from, from + width);
      const wrong = firstNonFinite(features);
      if (wrong < 0) continue;
      throw new RuntimeError(
        'runtime/input',
        `feature ${wrong} of example ${example} is ${features[wrong]}; features must be finite`,
      );
    }
    const [classes] = this.#manifest.outputShape;
    const read = targets.subarray(
      first * this.#targetElements,
      (first + indices.length) * this.#targetElements,
    );
    const wrong =
      read instanceof Float32Array
        ? firstNonFinite(read)
        : read.findIndex((target) => target < 0 || target >= classes);
    if (wrong >= 0) {
      const example = indices[Math.floor(wrong / this.#targetElements)];
      const range = read instanceof Float32Array ? 'finite' : `a class from 0 to ${classes - 1}`;
      throw new RuntimeError(
        'runtime/input',
        `the target of example ${example} is ${read[wrong]}; it must be ${range}`,
      );
    }
  }
}

/** Copies the features of all of a source's examples into `features` from `firstRow` on. */
export function copyRows(
  examples: ExampleSource,
  features: Float32Array,
  width: number,
  firstRow = 0,
): ExampleRows {
  const all = Uint32Array.from({ length: examples.count }, (_, index) => index);
  examples.readFeatures(all, features.subarray(firstRow * width, (firstRow + examples.count) * width));
  return {
    values: features,
    locate(indices, out) {
      for (let at = 0; at < indices.length; at++) out[at] = firstRow + indices[at];
    },
  };
}
