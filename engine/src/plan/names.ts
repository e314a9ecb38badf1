/** Inputs and outputs of a plan's graphs: what the compiler and the runtimes must agree on. */

/** Inputs of `train.onnx`; those marked optional are there only where the plan needs them. */
export const trainInputs = {
  /** `[parameterCount]`. */
  parameters: 'parameters',
  /** `[parameterCount]`: where training started; the delta is taken from it. */
  checkpoint: 'checkpoint',
  /** Optional, `[local.count]`: what the device keeps to itself. */
  local: 'local',
  /** Optional, `[stateCount]`: zeros before the first chunk. */
  state: 'state',
  /** Optional, `[parameterCount]`: added to every step's gradient, as a control variate is. */
  correction: 'correction',
  /** Scalar. */
  learningRate: 'learningRate',
  /** `[rows, …featureShape]`: examples that steps take, and maybe others. */
  examples: 'examples',
  /** `[steps, batch]` int32: the row of each example; any for those that fill up a last, partial batch. */
  order: 'order',
  /** `[steps, batch, …targetShape]`. */
  targets: 'targets',
  /** `[steps, batch]`; 0 for the examples that fill up a last, partial batch. */
  exampleWeights: 'exampleWeights',
  /** Optional, `[steps]` float64: 1 for the first step of all. */
  stepNumbers: 'stepNumbers',
  /** Optional, `[steps]` int32: decides each step's dropout masks. */
  dropoutSeeds: 'dropoutSeeds',
} as const;

/** Outputs of `train.onnx`, besides one {@link metricOutput} `[steps, batch]` for each metric. */
export const trainOutputs = {
  parameters: 'newParameters',
  delta: 'delta',
  local: 'newLocal',
  state: 'newState',
} as const;

/** The output that holds a metric of each example, times the example's weight. */
export function metricOutput(metricName: string): string {
  return `metrics/${metricName}`;
}

/** Inputs of a cohort's graph besides those of `train.onnx`, of which a client's have `cohort/` before their names. */
export const cohortInputs = {
  /** `[parameterCount]`: what the sum begins with. */
  sum: 'cohort/start',
  /** `[clients]`. */
  weights: 'cohort/weights',
} as const;

/** Outputs of a cohort's graph, besides metrics `[clients, steps, batch]` with `cohort/` before their names. */
export const cohortOutputs = {
  /** `[parameterCount]`: the sum of the deltas, each times its weight, in float32 and in order. */
  sum: 'cohort/total',
} as const;

/** Inputs of `evaluate.onnx`: as in training, but without the axis of steps. */
export const evaluateInputs = {
  parameters: 'parameters',
  local: 'local',
  examples: 'examples',
  targets: 'targets',
  exampleWeights: 'exampleWeights',
} as const;

/** `predict.onnx`. Its `parameters`, and `local` ones, become initializers when the model is exported. */
export const predictNames = {
  parameters: 'parameters',
  local: 'local',
  input: 'features',
  output: 'output',
} as const;

/** What a parameter is called in `predict.onnx`, and in the model that is exported of it. */
export function predictParameter(name: string): string {
  return Object.values<string>(predictNames).includes(name) ? `parameter/${name}` : name;
}

/** Metadata of exported models: the canonical JSON of the feature contract, so that the file says what it takes. */
export const featureContractKey = 'starling.featureContract';

/** Metadata of models that were trained with quantization: the ranges of their activations, a JSON array of logarithms. */
export const trainedRangesKey = 'starling.trainedRanges';

/**
 * The parameter of such models that holds them, `[activations, 2]`: for each activation log2 of minus its minimum, and of
 * its maximum.
 */
export const rangesName = 'quantization.ranges';

/** What the files of a plan are called. */
export const planFileNames = {
  train: 'train.onnx',
  /** The same for whole blocks of steps, where the model's steps go together in blocks. */
  trainBlocks: 'train-blocks.onnx',
  evaluate: 'evaluate.onnx',
  predict: 'predict.onnx',
  /** What the local vector starts from, float32 little-endian; where there is one. */
  local: 'local.f32',
  /** Where the model came from TensorFlow.js. */
  layers: 'layers.json',
} as const;
