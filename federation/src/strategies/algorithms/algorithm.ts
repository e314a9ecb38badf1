/**
 * Federated algorithms with a part on the device: what a device adds to its gradients, makes of its delta and keeps for
 * its next round, and how the coordinator applies what was summed. A strategy that only moves the checkpoint
 * by the mean delta is one with an empty device's part.
 */

/** One device's training, for its part of the algorithm to look at and to change. */
export interface LocalTraining {
  /** What training started from: `[parameterCount]`. */
  readonly checkpoint: Float32Array;
  /** The checkpoint that the update will be applied to, which is newer in asynchronous runs: `[parameterCount]`. */
  readonly current: Float32Array;
  /** Trained minus `checkpoint`; what becomes of it is summed: `[parameterCount]`. */
  readonly delta: Float32Array;
  /** What came with the checkpoint: `broadcastVectors` of `[parameterCount]`. */
  readonly broadcast: readonly Float32Array[];
  /** What this device keeps, zeros before its first round, changed in place: `keptVectors` of `[parameterCount]`. */
  readonly kept: readonly Float32Array[];
  /** A second vector that is summed, where the algorithm has one: `[parameterCount]`. */
  readonly extra: Float32Array | undefined;
  /** Weight of the update under the strategy's weighting. */
  readonly weight: number;
  readonly steps: number;
  readonly learningRate: number;
  /** Mean loss of the checkpoint on the device's examples; NaN unless `needsLoss`. */
  readonly lossBefore: number;
  /** Commits since `checkpoint` was made; 0 in synchronous rounds. */
  readonly staleness: number;
}

/** What a device's numbers count for. */
export interface LocalContribution {
  /** Weight of the delta in the mean: in 2^-20..2^31. */
  readonly weight: number;
  /** Added up over the cohort. */
  readonly scalars: readonly number[];
}

/** What a round came to. */
export interface RoundSums {
  /** Σ weight·delta / Σ weight: `[parameterCount]`. */
  readonly mean: Float32Array;
  readonly weight: number;
  readonly count: number;
  /** Σ extra / count, where the algorithm has an extra vector. */
  readonly extraMean: Float32Array | undefined;
  readonly scalars: readonly number[];
  /** Devices of the whole fleet. */
  readonly fleet: number;
}

/** What the coordinator keeps from round to round. */
export interface AlgorithmState {
  /** The last round applied, or -1. */
  readonly round: number;
  /** `[parameterCount]` each; the first `broadcastVectors` travel with the checkpoint. */
  readonly vectors: readonly Float32Array[];
}

export interface AlgorithmStep {
  readonly state: AlgorithmState;
  readonly checkpoint: Float32Array;
}

/** Pure: the same arguments give the same bits. */
export interface FederatedAlgorithm {
  readonly kind: string;
  /** What the plan must be compiled with. */
  readonly plan: { readonly proximalMu: number; readonly correction: boolean };
  readonly broadcastVectors: number;
  readonly keptVectors: number;
  readonly hasExtra: boolean;
  readonly needsLoss: boolean;
  initialize(parameterCount: number): AlgorithmState;
  /** Fills `out` with what is added to every gradient; called where the plan takes a correction. */
  correct(training: Pick<LocalTraining, 'broadcast' | 'kept'>, out: Float32Array): void;
  /** Turns a training into a contribution, changing `delta`, `extra` and `kept` in place. */
  contribute(training: LocalTraining): LocalContribution;
  /** The next checkpoint and state; the arguments stay as they were. */
  apply(state: AlgorithmState, checkpoint: Float32Array, sums: RoundSums, round: number): AlgorithmStep;
}

/** The device's part of algorithms that have none. */
export const plainDevicePart = {
  plan: { proximalMu: 0, correction: false },
  broadcastVectors: 0,
  keptVectors: 0,
  hasExtra: false,
  needsLoss: false,
  correct: () => undefined,
  contribute: ({ weight }: LocalTraining): LocalContribution => ({ weight, scalars: [] }),
} as const;
