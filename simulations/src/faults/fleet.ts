/** The fleet that faults are hunted in: as small as the protocols allow, so that a seed takes milliseconds. */
import { makeTemplate } from '../world/template.js';
import type { Template } from '../world/world.js';

export const deviceNames: readonly string[] = [1, 2, 3, 4, 5].map((number) => `device-${number}`);

const common = {
  model: { kind: 'sequential', inputShape: [3], layers: [{ kind: 'dense', units: 2 }] },
  contract: {
    features: [{ name: 'x', dataType: 'float32', shape: [3], range: [-1, 1] }],
    target: { kind: 'class', name: 'y', classes: 2 },
  },
  training: { loss: 'softmax-cross-entropy', batchSize: 4, learningRate: 0.1 },
  cohort: { size: 3, minimum: 2, overSelection: 1.3 },
  deadlines: {
    recruitMs: 15_000,
    recruitGraceMs: 500,
    collectMs: 15_000,
    collectProgressMs: 5_000,
    collectMaxMs: 40_000,
  },
  attempts: 4,
};

const masked = {
  weightMaximum: 64,
  encoding: { clipNorm: 4 },
  keysMs: 8_000,
  answersMs: 6_000,
  answersGraceMs: 500,
};

/** What is learned: in the clear, under masks, under masks and privacy, and with single updates kept. */
export const tasks = {
  plain: { ...common, name: 'plain', secureAggregation: 'none', stop: { rounds: 2 } },
  masked: { ...common, name: 'masked', secureAggregation: masked, stop: { rounds: 1 } },
  private: {
    ...common,
    name: 'private',
    secureAggregation: 'none',
    privacy: {
      kind: 'central',
      epsilon: 50,
      delta: 1e-5,
      clip: 1,
      // The quicker one: what is tested is what becomes of its figures.
      accountant: 'rdp',
      noise: { kind: 'explicit', multiplier: 1 },
    },
    stop: { rounds: 2 },
  },
  median: {
    ...common,
    name: 'median',
    secureAggregation: 'none',
    strategy: { kind: 'fedavg', aggregation: { kind: 'median' } },
    stop: { rounds: 1 },
  },
} as const;

export type FaultTask = keyof typeof tasks;

export const makeFaultTemplate = (): Promise<Template> =>
  makeTemplate({ devices: deviceNames, tasks: Object.values(tasks) });
