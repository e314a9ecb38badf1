import type {
  AwareOptions,
  FeatureContract,
  ImportDefinition,
  LossDefinition,
  OptimizerDefinition,
  RequiredRuntime,
  SequentialModel,
} from '@starling/engine';
import type {
  GraphRequirements,
  ModularEncoding,
  StrategyDefinition,
  UpdateEncoding,
} from '@starling/federation';
import type { PrivacyDefinition } from './privacy.js';

/**
 * What is to be learned, and how: the canonical form that `parseTask` gives, every default filled in. Operators write
 * it as YAML or JSON; it travels and is stored as JSON.
 */
export interface TaskDefinition {
  /** 1 to 64 characters of `[A-Za-z0-9._-]`, a letter or digit first. */
  readonly name: string;
  /** A sentence for people; may be empty. */
  readonly description: string;
  readonly model: BuiltinModel | ImportDefinition | SequentialModel;
  /** What one local example must hold. */
  readonly contract: FeatureContract;
  readonly training: TrainingDefinition;
  /** How training minds the int8 form that devices will serve; `null` where it does not. */
  readonly quantization: QuantizationDefinition | null;
  /** How updates become the next checkpoint, and what each weighs. */
  readonly strategy: StrategyDefinition;
  /** How nobody but the device itself gets to see its update; `null` sends updates in the clear. */
  readonly secureAggregation: SecureAggregationDefinition | null;
  /** How updates travel in the clear. */
  readonly encoding: UpdateEncoding;
  /** What may become known of a single device through what is learned. */
  readonly privacy: PrivacyDefinition;
  readonly cohort: CohortDefinition;
  readonly deadlines: DeadlinesDefinition;
  readonly evaluation: {
    /** On examples that devices hold out from training; `null` for never. */
    readonly federated: FederatedEvaluation | null;
    /** On examples of the coordinator's own; `null` for never. */
    readonly central: CentralEvaluation | null;
  };
  readonly stop: StopDefinition;
  /** Attempts at one round, one after the other, that may be abandoned before the run fails. */
  readonly attempts: number;
}

/** A model that everybody compares with, by its name: `mlp`, `2nn`, `cnn`, `cnn1d`. */
export interface BuiltinModel {
  readonly builtin: string;
}

export interface QuantizationDefinition {
  /** The forward pass rounds as int8 does, and finds the ranges of activations. */
  readonly aware: AwareOptions;
}

export interface TrainingDefinition {
  readonly loss: LossDefinition;
  readonly optimizer: OptimizerDefinition;
  /** Examples a step. */
  readonly batchSize: number;
  /** Passes over the local examples in one round. */
  readonly epochs: number;
  /** Step size of the local optimizer in the first round. */
  readonly learningRate: number;
  /** What the step size is multiplied with after each round; 1 keeps it. */
  readonly learningRateDecay: number;
  /** Most examples a device uses in one round; 0 means all. */
  readonly examplesMax: number;
  /**
   * What devices allow training to take, in MB: a plan that would take more computes parts of its forward pass twice.
   * Left out, it keeps all of it.
   */
  readonly memoryMegabytes?: number | undefined;
  /** Which runtime devices must have; `onnxruntime` unless said. */
  readonly runtime?: RequiredRuntime | undefined;
}

/**
 * The coordinator learns the sum and nothing else: γ, δ, σ and η of Bell et al. 2020, and how an update becomes integers
 * that can be summed under masks.
 */
export interface SecureAggregationDefinition extends GraphRequirements {
  readonly encoding: ModularEncoding;
  /** The largest weight of an update, an integer; heavier ones count as this. */
  readonly weightMaximum: number;
  /** Most that a device's mean of a metric may be; accuracy is at most 1 anyway. */
  readonly metricMaximum: number;
  /** How long nobody may advertise keys before their stage ends, in milliseconds. */
  readonly keysMs: number;
  /** How long nobody may answer in the stages after that, in milliseconds. */
  readonly answersMs: number;
  /** With a quorum there, they end when nobody has answered for this time, in milliseconds. */
  readonly answersGraceMs: number;
}

export interface CohortDefinition {
  /** Number of updates at which a round is aggregated. */
  readonly size: number;
  /** Fewest updates that make a round. */
  readonly minimum: number;
  /** Devices selected for each update wanted, at least 1: some drop out. */
  readonly overSelection: number;
}

/** All in milliseconds. */
export interface DeadlinesDefinition {
  /** How long a cohort may take to gather. */
  readonly recruitMs: number;
  /** How long selection waits for more devices once there are enough to go on. */
  readonly recruitGraceMs: number;
  /** How long the cohort has at first. */
  readonly collectMs: number;
  /** What is left at least after each counted update: the deadline moves with progress. */
  readonly collectProgressMs: number;
  /** The deadline never moves past this. */
  readonly collectMaxMs: number;
}

export interface FederatedEvaluation {
  readonly everyRounds: number;
  /** Share of its examples that each device never trains on: above 0, at most 0.5. */
  readonly holdout: number;
  readonly cohort: CohortDefinition;
}

export interface CentralEvaluation {
  readonly everyRounds: number;
  /** Absolute path of a folder of examples on the coordinator's machine. */
  readonly examples: string;
}

export interface StopDefinition {
  /** The run completes after this many committed rounds. */
  readonly rounds: number;
  /** It completes earlier once the metric reaches the value; `null` for no target. */
  readonly target: (ObjectiveDefinition & { readonly value: number }) | null;
  /** It completes earlier after so many measurements in a row that bring no improvement above `minimumChange`. */
  readonly patience:
    | (ObjectiveDefinition & { readonly measurements: number; readonly minimumChange: number })
    | null;
}

export interface ObjectiveDefinition {
  /** `accuracy`, `loss`, … */
  readonly metric: string;
  readonly source: 'training' | 'federated' | 'central';
}

/** Metrics of which more is better; of any other, less is. */
export function isBetterHigher(metric: string): boolean {
  return metric === 'accuracy';
}
