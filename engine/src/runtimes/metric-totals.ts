import type { PlanManifest } from '../plan/index.js';
import type { MetricSums } from './runtime.js';

/** Adds up metrics in double precision, example by example, so that how steps are cut into chunks changes no bit. */
export class MetricTotals {
  readonly #sums: Map<string, number>;
  #weight = 0;

  constructor(manifest: PlanManifest) {
    this.#sums = new Map(manifest.metrics.map(({ name }) => [name, 0]));
  }

  /** Adds what a graph gave for one metric, a number for each example. */
  add(name: string, values: Float32Array): void {
    let sum = this.#sums.get(name) ?? 0;
    for (const value of values) sum += value;
    this.#sums.set(name, sum);
  }

  addWeight(weight: number): void {
    this.#weight += weight;
  }

  meanLoss(): number {
    return (this.#sums.get('loss') ?? Number.NaN) / this.#weight;
  }

  result(): MetricSums {
    return { weight: this.#weight, sums: Object.fromEntries(this.#sums) };
  }
}
