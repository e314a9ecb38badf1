import type { Benchmark } from './figure.js';

/** Every benchmark by name; loaded only when it is run. */
export const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  coordinator: async () => (await import('./coordinator/index.js')).coordinator,
  'secure-aggregation': async () => (await import('./secure-aggregation/index.js')).secureAggregation,
  telemetry: async () => (await import('./telemetry/index.js')).telemetry,
  training: async () => (await import('./training/index.js')).training,
};
