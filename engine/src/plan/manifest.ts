/**
 * What a plan says of itself. The manifest is the one thing a device must trust: it lists every file by
 * SHA-256, so that a hash (or, with identity, a signature) over the manifest covers all of the plan.
 */
import type { LossDefinition } from '../losses/definition.js';
import type { OptimizerDefinition } from '../optimizers/definition.js';

/** One tensor of the flat parameter vector. */
export interface ParameterEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** First element of this tensor in the flat vector, in elements. */
  readonly offset: number;
  /** What no gradient changes: its delta is zero, unless it is a statistic that training keeps up. */
  readonly trainable: boolean;
}

/** One file of the plan, addressed by its content. */
export interface PlanFile {
  /** `train.onnx`, `train-blocks.onnx`, `evaluate.onnx`, `predict.onnx`, `local.f32` or `layers.json`. */
  readonly name: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
}

/** A named sum that training or evaluation gives, e.g. `correct`; divided by `weight` it is the metric. */
export interface MetricDefinition {
  /** The metric's name as people know it: `loss`, `accuracy`, `meanSquaredError`. */
  readonly name: string;
}

/** What a device keeps to itself: trained like the others, but in no checkpoint and no update. */
export interface LocalLayout {
  /** Their offsets are in the local vector. */
  readonly parameters: readonly ParameterEntry[];
  /** Length of the local vector, in elements; the plan's file `local.f32` holds what it starts from. */
  readonly count: number;
}

/** `tfjs` and `any` are for plans of layers models, which TensorFlow.js runs as they are. */
export const requiredRuntimes = ['onnxruntime', 'tfjs', 'any'] as const;

export type RequiredRuntime = (typeof requiredRuntimes)[number];

export interface PlanManifest {
  readonly format: 2;
  readonly files: readonly PlanFile[];
  readonly parameters: readonly ParameterEntry[];
  /** Length of the flat parameter vector, in elements. */
  readonly parameterCount: number;
  /** What each device keeps to itself; left out, nothing. */
  readonly local?: LocalLayout;
  /** Shape of one example's features, without the batch axis. */
  readonly featureShape: readonly number[];
  /** Shape of what the model gives for one example, without the batch axis. */
  readonly outputShape: readonly number[];
  /** Shape of one example's target, without the batch axis; `[]` is a class index or a scalar. */
  readonly targetShape: readonly number[];
  /** Class indices travel as int32, everything else as float32. */
  readonly targetDataType: 'int32' | 'float32';
  readonly batchSize: number;
  /** Most steps of one `Scan`; more take several runs, so that memory stays bounded and training can be interrupted. */
  readonly chunkSteps: number;
  /** What the number of steps that `train-blocks.onnx` takes must be a multiple of; left out, there is no such file. */
  readonly blockSteps?: number;
  /**
   * Bytes that training takes beside the process itself, as the compiler estimates them; a device with less refuses
   * the plan.
   */
  readonly memoryBytes: number;
  readonly loss: LossDefinition;
  readonly optimizer: OptimizerDefinition;
  /** FedProx's μ (Li et al. 2020, eq. 2); 0 where the plan has no proximal term. */
  readonly proximalMu: number;
  /** Whether training takes a vector that is added to every step's gradient (a control variate); left out, no. */
  readonly correction?: true;
  readonly metrics: readonly MetricDefinition[];
  /** What a device must have to train: which runtime, and for ONNX Runtime, up to which operator set it loads. */
  readonly requires: { readonly runtime: RequiredRuntime; readonly opset: number };
}

/** A compiled plan: the manifest and the bytes of the files it lists, by name. */
export interface Plan {
  readonly manifest: PlanManifest;
  readonly files: ReadonlyMap<string, Uint8Array>;
}
