/** Parts of a source, which copy nothing. */
import { mix32 } from '../random.js';
import type { ExampleSource } from '../runtimes/runtime.js';

/** The examples of `source` at `indices`, in that order. @throws RangeError for an index that no example has */
export function subset(source: ExampleSource, indices: Uint32Array): ExampleSource {
  if (indices.some((index) => index >= source.count)) {
    throw new RangeError(`a subset names an example that does not exist; there are ${source.count}`);
  }
  const translate = (chosen: Uint32Array): Uint32Array => {
    const inner = new Uint32Array(chosen.length);
    for (let i = 0; i < chosen.length; i++) {
      if (chosen[i] >= indices.length) {
        throw new RangeError(`example ${chosen[i]} does not exist; there are ${indices.length}`);
      }
      inner[i] = indices[chosen[i]];
    }
    return inner;
  };
  const { rows } = source;
  return {
    count: indices.length,
    ...(rows && {
      rows: { values: rows.values, locate: (chosen, out) => rows.locate(translate(chosen), out) },
    }),
    readFeatures: (chosen, out) => source.readFeatures(translate(chosen), out),
    readTargets: (chosen, out) => source.readTargets(translate(chosen), out),
  };
}

/** The first `count` examples of an order that `seed` decides; all of them where there are not more. */
export function sampleExamples(source: ExampleSource, count: number, seed: number): ExampleSource {
  if (source.count <= count) {
    return source;
  }
  const order = Uint32Array.from({ length: source.count }, (_, index) => index);
  const rank = Uint32Array.from(order, (index) => exampleHash(seed, index));
  order.sort((a, b) => rank[a] - rank[b] || a - b);
  return subset(source, order.subarray(0, count));
}

/** Two parts of one source that share no example. */
export interface HoldoutSplit {
  readonly training: ExampleSource;
  readonly heldOut: ExampleSource;
}

/**
 * Holds out about `permille` thousandths of the examples. Seed and position alone decide about an example, so
 * that one which was trained on is never held out later, however many are added behind it.
 * @throws RangeError for a share outside of 0 to 1000
 */
export function splitHoldout(source: ExampleSource, permille: number, seed: number): HoldoutSplit {
  if (!Number.isInteger(permille) || permille < 0 || permille > 1000) {
    throw new RangeError(`a share is 0 to 1000 thousandths, found ${permille}`);
  }
  const training: number[] = [];
  const heldOut: number[] = [];
  for (let index = 0; index < source.count; index++) {
    (exampleHash(seed, index) % 1000 < permille ? heldOut : training).push(index);
  }
  return {
    training: permille === 0 ? source : subset(source, Uint32Array.from(training)),
    heldOut: subset(source, Uint32Array.from(heldOut)),
  };
}

function exampleHash(seed: number, index: number): number {
  return mix32(mix32(seed) ^ Math.imul(index + 1, 0x9e3779b9)) >>> 0;
}
