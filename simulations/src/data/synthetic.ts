/**
 * Devices whose examples are made when they are needed and forgotten afterwards: a fleet of any size in no memory.
 * Logistic regression after Li et al. 2020 ("Federated Optimization in Heterogeneous Networks", section 5.1), with one
 * hyperplane a class that all devices share, and a shift of the features and of the labels that each has of its own.
 */
import { type ExampleSource, randomStream, standardNormal } from '@starling/engine';
import { deriveSeed, purposes } from '../seeds.js';

export interface SyntheticSettings {
  readonly clients: number;
  /** Examples of one device. */
  readonly examples: number;
  readonly features: number;
  readonly classes: number;
  /** Standard deviation of a device's own shift; 0 is IID. */
  readonly heterogeneity: number;
  readonly seed: number;
}

/** The weights `[features, classes]` that decide every label. */
export function hyperplanes({ features, classes, seed }: SyntheticSettings): Float32Array {
  const normal = standardNormal(randomStream(deriveSeed(seed, purposes.data, 0xffffffff), 0));
  return Float32Array.from({ length: features * classes }, normal);
}

/** A source that becomes one device's examples after the other: `select` makes them. */
export class SyntheticExamples implements ExampleSource {
  readonly checked = true;
  count: number;
  readonly #settings: SyntheticSettings;
  readonly #planes: Float32Array;
  readonly #features: Float32Array;
  readonly #targets: Int32Array;

  constructor(settings: SyntheticSettings) {
    this.#settings = settings;
    this.#planes = hyperplanes(settings);
    this.count = settings.examples;
    this.#features = new Float32Array(settings.examples * settings.features);
    this.#targets = new Int32Array(settings.examples);
  }

  /**
   * Makes the examples of a device, the first `most` of them where that is not 0; the same device has the same examples
   * every time.
   */
  select(client: number, most = 0): this {
    const { features, classes, heterogeneity, seed } = this.#settings;
    const normal = standardNormal(randomStream(deriveSeed(seed, purposes.data, client), 1));
    const shift = heterogeneity === 0 ? 0 : heterogeneity * normal();
    this.count = most > 0 ? Math.min(most, this.#settings.examples) : this.#settings.examples;
    for (let row = 0; row < this.count; row += 1) {
      const first = row * features;
      for (let at = 0; at < features; at += 1) this.#features[first + at] = normal() + shift;
      let best = Number.NEGATIVE_INFINITY;
      for (let label = 0; label < classes; label += 1) {
        let score = 0.1 * normal();
        for (let at = 0; at < features; at += 1) {
          score += this.#features[first + at] * this.#planes[at * classes + label];
        }
        if (score > best) {
          best = score;
          this.#targets[row] = label;
        }
      }
    }
    return this;
  }

  readFeatures(indices: Uint32Array, out: Float32Array): void {
    const { features } = this.#settings;
    for (let row = 0; row < indices.length; row += 1) {
      const from = indices[row] * features;
      out.set(this.#features.subarray(from, from + features), row * features);
    }
  }

  readTargets(indices: Uint32Array, out: Int32Array | Float32Array): void {
    for (let row = 0; row < indices.length; row += 1) out[row] = this.#targets[indices[row]];
  }
}
