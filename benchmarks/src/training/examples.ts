import type { ExampleSource, PlanManifest } from '@starling/engine';

/** Numbers in [0, 1) that need no seed to be the same in every run (Knuth's multiplicative sequence), or tokens. */
export function fillFeatures(out: Float32Array, vocabulary?: number): void {
  let state = 1;
  for (let index = 0; index < out.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const uniform = state / 2 ** 32;
    out[index] = vocabulary === undefined ? uniform : Math.floor(uniform * vocabulary);
  }
}

/** Examples in memory, as an agent holds them. */
export function memoryExamples(manifest: PlanManifest, count: number, vocabulary?: number): ExampleSource {
  const size = manifest.featureShape.reduce((product, axis) => product * axis, 1);
  const [classes] = manifest.outputShape;
  const features = new Float32Array(count * size);
  fillFeatures(features, vocabulary);
  return {
    count,
    rows: { values: features, locate: (indices, out) => out.set(indices) },
    readFeatures(indices, out) {
      for (let at = 0; at < indices.length; at++) {
        const first = indices[at] * size;
        out.set(features.subarray(first, first + size), at * size);
      }
    },
    readTargets(indices, out) {
      for (let at = 0; at < indices.length; at++) out[at] = indices[at] % classes;
    },
  };
}
