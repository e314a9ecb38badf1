/** Example sets for tests. */
import { randomStream, standardNormal } from '../random.js';
import type { ExampleSource } from '../runtimes/runtime.js';

/** Examples whose features and targets are given as rows. */
export function examplesOf(
  features: readonly (readonly number[])[],
  targets: readonly (readonly number[])[],
): ExampleSource {
  const read = (
    rows: readonly (readonly number[])[],
    indices: Uint32Array,
    out: Float32Array | Int32Array,
  ): void => {
    for (const [at, index] of indices.entries()) out.set(rows[index], at * rows[index].length);
  };
  return {
    count: features.length,
    readFeatures: (indices, out) => read(features, indices, out),
    readTargets: (indices, out) => read(targets, indices, out),
  };
}

export interface RandomExamples {
  readonly features: readonly (readonly number[])[];
  readonly targets: readonly (readonly number[])[];
  readonly source: ExampleSource;
}

/** Normal features; the class of an example is a linear function of it, so that there is something to learn. */
export function classExamples(count: number, size: number, classes: number, seed: number): RandomExamples {
  const normal = standardNormal(randomStream(seed, 0));
  const directions = Array.from({ length: classes }, () => Array.from({ length: size }, normal));
  const features = Array.from({ length: count }, () =>
    Array.from({ length: size }, () => Math.fround(normal())),
  );
  const targets = features.map((row) => {
    const scores = directions.map((direction) => direction.reduce((sum, d, at) => sum + d * row[at], 0));
    return [scores.indexOf(Math.max(...scores))];
  });
  return { features, targets, source: examplesOf(features, targets) };
}
