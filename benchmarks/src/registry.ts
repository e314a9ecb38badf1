import type { Benchmark } from './figure.js';

/** Every benchmark by name; loaded only when it is run. */
export const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  coordinator: async () => (await import('./coordinator/index.js')).coordinator,
  encoding: async () => (await import('./encoding/index.js')).encoding,
  'secure-aggregation': async () => (await import('./secure-aggregation/index.js')).secureAggregation,
  training: async () => (await import('./training/index.js')).training,
};
