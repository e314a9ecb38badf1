/** Weights for models that are only timed: of a size that keeps activations in range, the same in every run. */
import { type GraphBuilder, tensorOf, type Value } from '@starling/engine';

/** Uniform with the variance of He et al. 2015 for so many inputs. */
export function weight(b: GraphBuilder, name: string, shape: readonly number[], inputs: number): Value {
  let state = name.length * 2654435761 + shape.length;
  const data = new Float32Array(shape.reduce((count, size) => count * size, 1));
  const reach = Math.sqrt(6 / inputs);
  for (let index = 0; index < data.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[index] = (state / 2 ** 31 - 1) * reach;
  }
  return b.initializer(name, tensorOf('float32', shape, data));
}

export function filled(b: GraphBuilder, name: string, size: number, value: number): Value {
  return b.initializer(name, tensorOf('float32', [size], new Float32Array(size).fill(value)));
}
