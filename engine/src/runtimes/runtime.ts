/** The interfaces every runtime stands behind. Files named `onnxruntime-*` implement them on ONNX Runtime. */
import type { Plan } from '../plan/manifest.js';

/** Where a runtime reads examples from; it asks for a batch at a time, so the set need not be in memory. */
export interface ExampleSource {
  readonly count: number;
  /** Says that every feature is finite and every class exists, so that a runtime need not look again. */
  readonly checked?: true;
  /** Writes the features of the examples at `indices` one after the other: `out` is `[indices.length, …featureShape]`. */
  readFeatures(indices: Uint32Array, out: Float32Array): void;
  /** Where the features lie in memory as a graph takes them: it does so in place, and nothing is copied. */
  readonly rows?: ExampleRows;
  /** Writes the targets likewise: `out` is `[indices.length, …targetShape]`, int32 class indices or float32. */
  readTargets(indices: Uint32Array, out: Int32Array | Float32Array): void;
}

/** Features in memory, maybe with those of others between them. */
export interface ExampleRows {
  /** `[rows, …featureShape]`, never changed; not in shared memory, of which ONNX Runtime's binding takes none. */
  readonly values: Float32Array;
  /** Writes into `out` the rows of the examples at `indices`. */
  locate(indices: Uint32Array, out: Int32Array): void;
}

/** Sums over examples; a mean is `sums[name] / weight`. */
export interface MetricSums {
  /** Sum of the example weights, which is the number of examples where all weights are 1. */
  readonly weight: number;
  readonly sums: Readonly<Record<string, number>>;
}

export interface TrainOptions {
  /** The checkpoint to start from, in manifest order: `[parameterCount]`. It is not changed. */
  readonly parameters: Float32Array;
  /** Whether a training from these very parameters has found them finite: they are not looked through again. */
  readonly parametersChecked?: boolean;
  /**
   * What the delta is taken from and a proximal term pulls to, where that is not where training starts:
   * `[parameterCount]`. Left out, `parameters`.
   */
  readonly anchor?: Float32Array;
  /** What this device keeps to itself, for a plan that has such: `[local.count]`. It is not changed. */
  readonly local?: Float32Array;
  /** Added to every step's gradient, for a plan that was compiled with `correction`: `[parameterCount]`. */
  readonly correction?: Float32Array;
  /** Where the delta is written, so that many trainings share one array: `[parameterCount]`. */
  readonly into?: Float32Array;
  readonly examples: ExampleSource;
  readonly epochs: number;
  readonly learningRate: number;
  /** Decides the order of the examples and every dropout mask. */
  readonly seed: number;
  /** Ends training between two chunks with an `AbortError`. */
  readonly signal?: AbortSignal;
  /** Called after every chunk. */
  readonly onProgress?: (progress: TrainProgress) => void;
}

export interface TrainProgress {
  readonly stepsDone: number;
  readonly stepsTotal: number;
  /** Mean training loss so far. */
  readonly loss: number;
}

export interface TrainResult {
  /** New parameters minus the checkpoint, in manifest order: `[parameterCount]`. */
  readonly delta: Float32Array;
  /** What the device keeps to itself after training: `[local.count]`, where the plan has such. */
  readonly local?: Float32Array;
  readonly metrics: MetricSums;
  readonly steps: number;
}

export interface EvaluateOptions {
  readonly parameters: Float32Array;
  /** As in {@link TrainOptions}. */
  readonly local?: Float32Array;
  readonly examples: ExampleSource;
  readonly signal?: AbortSignal;
}

/** A loaded plan. Calls on one session run one after the other. */
export interface TrainingSession {
  train(options: TrainOptions): Promise<TrainResult>;
  evaluate(options: EvaluateOptions): Promise<MetricSums>;
  release(): Promise<void>;
}

export interface RuntimeOptions {
  /** Threads inside one operator, at most; 1 unless told. Other numbers of threads may round otherwise. */
  readonly threads?: number;
  /**
   * Milliseconds since some instant. Where it is given, training measures whether more threads than one are faster for a
   * plan, and else trains it on one.
   */
  readonly now?: () => number;
}

export interface TrainingRuntime {
  readonly name: string;
  load(plan: Plan, options?: RuntimeOptions): Promise<TrainingSession>;
}

/** A loaded predict graph. */
export interface InferenceSession {
  /** `features` is `[count, …featureShape]`; gives the model's output `[count, …outputShape]`. */
  predict(features: Float32Array, count: number): Promise<Float32Array>;
  release(): Promise<void>;
}

export interface InferenceRuntime {
  readonly name: string;
  load(model: Uint8Array, options?: RuntimeOptions): Promise<InferenceSession>;
}
