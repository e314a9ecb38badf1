/** What a worker is given when it starts: plain data, and shared memory. */
import type { Plan } from '@starling/engine';
import type { AlgorithmDefinition, ModularLayout, UpdateEncoding } from '@starling/federation';
import type { SharedExamples } from '../data/examples.js';
import type { Fleet } from '../data/fleet.js';
import type { Scenario } from '../scenario/index.js';

/** How a client's training becomes part of the sum. */
export interface LocalSettings {
  readonly seed: number;
  readonly epochs: number;
  readonly examplesMax: number;
  readonly algorithm: AlgorithmDefinition | { readonly kind: 'local-only' };
  readonly encoding: UpdateEncoding;
  /** How masked updates are encoded; undefined where they travel in the clear. */
  readonly layout: ModularLayout | undefined;
  /** L2 norm that updates are clipped to; undefined for no bound. */
  readonly clip: number | undefined;
  readonly attack: Scenario['attack'];
  readonly personalization: Scenario['evaluation']['personalization'];
  /** Clients of one run of a graph: each so many jobs, from the first on, go together where they can. */
  readonly together: number;
  /** Kept vectors that hold what each client keeps of the model to itself. */
  readonly localVectors: number;
  /** Classes of the target, for attacks on labels; 0 where targets are numbers. */
  readonly classes: number;
}

/** Memory that all threads see. One job is one client's part of a round. */
export interface SharedRound {
  /** Number of the next job that nobody has taken: `[1]`. */
  readonly next: Int32Array;
  /** `[jobs]` */
  readonly clients: Uint32Array;
  /** Which checkpoint each job starts from: `[jobs]`. */
  readonly slots: Int32Array;
  /** Commits since that checkpoint: `[jobs]`. */
  readonly staleness: Int32Array;
  /** Passes over its examples: `[jobs]`. */
  readonly epochs: Int32Array;
  /** 1 where the client is hostile: `[jobs]`. */
  readonly hostile: Uint8Array;
  /** `[slots, parameterCount]`; the newest checkpoint lies in slot 0 in synchronous runs. */
  readonly checkpoints: Float32Array;
  /** `[broadcastVectors, parameterCount]` */
  readonly broadcast: Float32Array;
  /** What each job came to: `[jobs, resultFields]`. */
  readonly results: Float64Array;
  /** Each job's update, where the aggregate looks at single ones: `[jobs, parameterCount]`, or empty. */
  readonly updates: Float32Array;
  /** `[blocks, metrics + 1]`: sums of a block of test examples, the last their weight. */
  readonly blocks: Float64Array;
}

/** One worker's own sums, which the others do not write to. */
export interface WorkerSums {
  /** Σ weight·delta: `[parameterCount]`. */
  readonly deltas: Float64Array;
  /** Σ extra, or empty. */
  readonly extras: Float64Array;
  /** Σ of masked vectors modulo 2^32: `[vectorLength]`, or empty. */
  readonly masked: Uint32Array;
}

export interface WorkerSetting {
  readonly plan: Plan;
  /** Ditto's: the same model with its own proximal term. */
  readonly personalPlan: Plan | undefined;
  readonly fleet: Fleet;
  readonly test: SharedExamples | undefined;
  readonly local: LocalSettings;
  readonly shared: SharedRound;
  readonly sums: WorkerSums;
  /** File in which clients' kept vectors lie; undefined where nothing is kept. */
  readonly statePath: string | undefined;
}

/** Places of a job's numbers in its row of `results`; metrics follow. */
export const resultFields = {
  examples: 0,
  steps: 1,
  weight: 2,
  scalar: 3,
  norm: 4,
  clipped: 5,
  failed: 6,
  metrics: 7,
} as const;

export const resultWidth = (metrics: number): number => resultFields.metrics + metrics;

/** Test examples that are one job of an evaluation. */
export const testBlock = 512;
