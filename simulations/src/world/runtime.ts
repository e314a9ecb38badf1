/**
 * Stands for training: a delta that device, seed and checkpoint decide, after some virtual time. What is tested is what
 * becomes of updates, and whoever knows the inputs can compute what a sum must be.
 */
import { mix32, type TrainingRuntime } from '@starling/engine';
import { delay } from '@starling/federation';
import type { SimulatedProcess } from './simulated-process.js';

const trainingMsMax = 1_500;

/** `[count]`: of the device's examples, their number alone has a say. */
export function simulatedDelta(seed: number, exampleCount: number, parameters: Float32Array): Float32Array {
  return parameters.map((parameter, i) => {
    const drawn = mix32(seed ^ mix32(exampleCount * 64 + i)) / 2 ** 32;
    return Math.fround(drawn - 0.5 - 0.1 * parameter);
  });
}

export function simulatedRuntime({ clock, chance }: SimulatedProcess): TrainingRuntime {
  return {
    name: 'simulated',
    async load() {
      return {
        async train({ parameters, examples, seed, signal }) {
          await delay(clock, chance.uniform() * trainingMsMax, signal);
          const delta = simulatedDelta(seed, examples.count, parameters);
          const weight = examples.count;
          return { delta, steps: 1, metrics: { weight, sums: { loss: weight / 2, accuracy: weight / 4 } } };
        },
        async evaluate({ examples: { count: weight }, signal }) {
          await delay(clock, chance.uniform() * trainingMsMax, signal);
          return { weight, sums: { loss: weight / 2, accuracy: weight / 4 } };
        },
        async release() {},
      };
    },
  };
}
