/** Feeding examples to a graph: order, batches, chunks. No array is made after the first chunk. */
import { elementCount } from '../onnx/index.js';
import type { PlanManifest } from '../plan/index.js';
import { mix32, randomStream, uniform01 } from '../random.js';
import { firstNonFinite } from './checks.js';
import { RuntimeError } from './errors.js';
import type { ExampleSource } from './runtime.js';

/** Purposes of a training's random streams; epochs come from `shuffle` on. */
const purposes = { dropout: 0, shuffle: 1 } as const;

/** Order of the examples in every epoch, by Fisher and Yates from one seed. */
export class EpochOrder {
  readonly #indices: Uint32Array;
  readonly #seed: number;
  #epoch = -1;

  constructor(count: number, seed: number) {
    this.#indices = new Uint32Array(count);
    this.#seed = seed;
  }

  /** The order of an epoch; valid until another epoch is asked for. */
  at(epoch: number): Uint32Array {
    if (epoch !== this.#epoch) {
      const indices = this.#indices;
      const random = randomStream(this.#seed, purposes.shuffle + epoch);
      for (let index = 0; index < indices.length; index++) indices[index] = index;
      for (let last = indices.length - 1; last > 0; last--) {
        const chosen = Math.floor(uniform01(random) * (last + 1));
        const kept = indices[last];
        indices[last] = indices[chosen];
        indices[chosen] = kept;
      }
      this.#epoch = epoch;
    }
    return this.#indices;
  }
}

/** The seed of a step's dropout masks. */
export function dropoutSeed(seed: number, step: number): number {
  return mix32(randomStream(seed, purposes.dropout).next() ^ mix32(step));
}

/** A plan comes from the network: what it makes a device allocate has a bound. 1 GiB of float32. */
const chunkElementsMax = 2 ** 28;

/** Two sides of a value that each run reads on one and writes on the other. */
export type BothSides = readonly [Float32Array, Float32Array];

/** Arrays for one chunk: `[steps, batch, …]`, overwritten by the next one. */
export interface ChunkArrays {
  readonly features: Float32Array;
  readonly targets: Int32Array | Float32Array;
  readonly weights: Float32Array;
}

/** The arrays of a session, kept from one call to the next: fresh pages cost as much as what is copied into them. */
export class ChunkBuffers {
  readonly #manifest: PlanManifest;
  #kept: ChunkArrays | undefined;
  #rows = 0;
  readonly #sides = new Map<'parameters' | 'state', BothSides>();

  constructor(manifest: PlanManifest) {
    this.#manifest = manifest;
  }

  /** Two arrays of `length` for parameters or optimizer state; what they hold is not defined. */
  sides(what: 'parameters' | 'state', length: number): BothSides {
    let sides = this.#sides.get(what);
    if (sides === undefined) {
      sides = [new Float32Array(length), new Float32Array(length)];
      this.#sides.set(what, sides);
    }
    return sides;
  }

  /** Arrays for so many examples, valid until the next call; what they hold is not defined. */
  take(rows: number): ChunkArrays {
    const { featureShape, targetShape, targetDataType } = this.#manifest;
    const featureElements = rows * elementCount(featureShape);
    const targetElements = rows * elementCount(targetShape);
    if (featureElements + targetElements > chunkElementsMax) {
      throw new RuntimeError(
        'runtime/input',
        `a chunk of ${rows} examples would take more than 1 GiB; compile the plan with a smaller batchSize or chunkSteps`,
      );
    }
    if (this.#kept === undefined || rows > this.#rows) {
      const Targets = targetDataType === 'int32' ? Int32Array : Float32Array;
      this.#kept = {
        features: new Float32Array(featureElements),
        targets: new Targets(targetElements),
        weights: new Float32Array(rows),
      };
      this.#rows = rows;
    }
    const { features, targets, weights } = this.#kept;
    return {
      features: features.subarray(0, featureElements),
      targets: targets.subarray(0, targetElements),
      weights: weights.subarray(0, rows),
    };
  }
}

/** Reads batches of examples into the arrays of a chunk. */
export class ChunkReader {
  readonly arrays: ChunkArrays;
  readonly #manifest: PlanManifest;
  readonly #examples: ExampleSource;
  readonly #batchSize: number;
  readonly #featureElements: number;
  readonly #targetElements: number;

  constructor(manifest: PlanManifest, examples: ExampleSource, batchSize: number, arrays: ChunkArrays) {
    this.#manifest = manifest;
    this.#examples = examples;
    this.#batchSize = batchSize;
    this.#featureElements = elementCount(manifest.featureShape);
    this.#targetElements = elementCount(manifest.targetShape);
    this.arrays = arrays;
  }

  /**
   * Reads the examples at `indices` (at most a batch) as batch number `step`; what is missing of the batch
   * becomes zeros of weight 0. Examples are immutable, so `check` is needed only the first time.
   */
  read(step: number, indices: Uint32Array, check: boolean): void {
    const { features, targets, weights } = this.arrays;
    const first = step * this.#batchSize;
    const end = first + indices.length;
    const batchEnd = first + this.#batchSize;
    const batchFeatures = features.subarray(first * this.#featureElements, end * this.#featureElements);
    const batchTargets = targets.subarray(first * this.#targetElements, end * this.#targetElements);
    this.#examples.readFeatures(indices, batchFeatures);
    this.#examples.readTargets(indices, batchTargets);
    if (check && this.#examples.checked !== true) this.#check(indices, batchFeatures, batchTargets);
    weights.fill(1, first, end);
    weights.fill(0, end, batchEnd);
    features.fill(0, end * this.#featureElements, batchEnd * this.#featureElements);
    targets.fill(0, end * this.#targetElements, batchEnd * this.#targetElements);
  }

  #check(indices: Uint32Array, features: Float32Array, targets: Int32Array | Float32Array): void {
    const at = firstNonFinite(features);
    if (at >= 0) {
      const example = indices[Math.floor(at / this.#featureElements)];
      throw new RuntimeError(
        'runtime/input',
        `feature ${at % this.#featureElements} of example ${example} is ${features[at]}; features must be finite`,
      );
    }
    const [classes] = this.#manifest.outputShape;
    const wrong =
      targets instanceof Float32Array
        ? firstNonFinite(targets)
        : targets.findIndex((target) => target < 0 || target >= classes);
    if (wrong >= 0) {
      const example = indices[Math.floor(wrong / this.#targetElements)];
      const range = targets instanceof Float32Array ? 'finite' : `a class from 0 to ${classes - 1}`;
      throw new RuntimeError(
        'runtime/input',
        `the target of example ${example} is ${targets[wrong]}; it must be ${range}`,
      );
    }
  }
}
