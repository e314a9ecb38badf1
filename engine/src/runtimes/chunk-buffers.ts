import { elementCount } from '../onnx/index.js';
import type { PlanManifest } from '../plan/index.js';
import { RuntimeError } from './errors.js';
import type { ExampleSource } from './runtime.js';

/** A plan comes from the network: what it makes a device allocate has a bound. 1 GiB of float32. */
const chunkElementsMax = 2 ** 28;

/** Two sides of a value that each run reads on one and writes on the other. */
export type BothSides = readonly [Float32Array, Float32Array];

/** Arrays for one chunk, overwritten by the next one. */
export interface ChunkArrays {
  /** `[copied, …featureShape]`. */
  readonly features: Float32Array;
  /** `[examples]`: the row that each example's features are in. */
  readonly order: Int32Array;
  /** `[examples, …targetShape]`. */
  readonly targets: Int32Array | Float32Array;
  /** `[examples]`. */
  readonly weights: Float32Array;
}

/** The arrays of a session, kept from one call to the next: fresh pages cost as much as what is copied into them. */
export class ChunkBuffers {
  /** Sources of which every example has been found good. Examples do not change, so that once is enough. */
  readonly checked = new WeakSet<ExampleSource>();
  readonly #manifest: PlanManifest;
  #kept: ChunkArrays;
  readonly #sides = new Map<'parameters' | 'state', BothSides>();

  constructor(manifest: PlanManifest) {
    this.#manifest = manifest;
    this.#kept = this.#arrays(0, 0);
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

  /**
   * Arrays for so many examples, of which the features of `copied` are copied; valid until the next call, and what they
   * hold is not defined.
   */
  take(examples: number, copied: number): ChunkArrays {
    const { featureShape, targetShape } = this.#manifest;
    const featureElements = copied * elementCount(featureShape);
    const targetElements = examples * elementCount(targetShape);
    if (featureElements + targetElements + examples > chunkElementsMax) {
      throw new RuntimeError(
        'runtime/input',
        `a chunk of ${examples} examples would take more than 1 GiB; compile the plan with a smaller batchSize or chunkSteps`,
      );
    }
    if (examples > this.#kept.order.length) {
      const { features } = this.#kept;
      this.#kept = { ...this.#arrays(examples, 0), features };
    }
    if (featureElements > this.#kept.features.length) {
      this.#kept = { ...this.#kept, features: new Float32Array(featureElements) };
    }
    const { features, order, targets, weights } = this.#kept;
    return {
      features: features.subarray(0, featureElements),
      order: order.subarray(0, examples),
      targets: targets.subarray(0, targetElements),
      weights: weights.subarray(0, examples),
    };
  }

  #arrays(examples: number, copied: number): ChunkArrays {
    const { featureShape, targetShape, targetDataType } = this.#manifest;
    const Targets = targetDataType === 'int32' ? Int32Array : Float32Array;
    return {
      features: new Float32Array(copied * elementCount(featureShape)),
      order: new Int32Array(examples),
      targets: new Targets(examples * elementCount(targetShape)),
      weights: new Float32Array(examples),
    };
  }
}
