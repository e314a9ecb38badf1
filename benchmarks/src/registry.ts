import type { Benchmark } from './figure.js';

/** Every benchmark by name; loaded only when it is run. */
export const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  'agent-memory': async () => (await import('./agent-memory/index.js')).agentMemory,
  coordinator: async () => (await import('./coordinator/index.js')).coordinator,
  inference: async () => (await import('./inference/index.js')).inference,
  encoding: async () => (await import('./encoding/index.js')).encoding,
  plan: async () => (await import('./plan/index.js')).plan,
  quantization: async () => (await import('./quantization/index.js')).quantization,
  releases: async () => (await import('./releases/index.js')).releases,
  'secure-aggregation': async () => (await import('./secure-aggregation/index.js')).secureAggregation,
  simulation: async () => (await import('./simulation/index.js')).simulation,
  telemetry: async () => (await import('./telemetry/index.js')).telemetry,
  training: async () => (await import('./training/index.js')).training,
};
