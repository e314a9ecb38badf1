import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { elementCount } from '../onnx/index.js';
import type { PlanManifest } from '../plan/index.js';
import { metricOutput, trainInputs, trainOutputs } from '../plan/names.js';
import type { ChunkBuffers } from './chunk-buffers.js';
import type { ChunkReader } from './chunk-reader.js';
import { dropoutSeed } from './epoch-order.js';
import { onnxruntime } from './onnxruntime-library.js';
import type { Run } from './onnxruntime-train.js';
import type { TrainOptions } from './runtime.js';

type Tensors = Record<string, OrtTensor>;

/** The inputs and outputs of one training: arrays are made once and used by every chunk. */
export interface TrainTensors {
  /** New parameters minus the checkpoint, after the last run. */
  readonly delta: Float32Array;
  /** What the device keeps to itself, after the last run. */
  readonly local: Float32Array | undefined;
  /** Feeds of a run, counted from 0. */
  feeds(run: number): Tensors;
  /** Where that run writes to; `null` is wherever it likes. */
  fetches(run: number): Record<string, OrtTensor | null>;
}

export interface TrainTensorsSetting {
  readonly runs: readonly Run[];
  readonly buffers: ChunkBuffers;
  readonly options: TrainOptions;
}

export function trainTensors(
  manifest: PlanManifest,
  session: InferenceSession,
  reader: ChunkReader,
  { runs, buffers, options }: TrainTensorsSetting,
): TrainTensors {
  const { Tensor } = onnxruntime();
  const { batchSize, parameterCount } = manifest;
  const has = (name: string): boolean => session.inputNames.includes(name);
  const state = session.inputMetadata.find(({ name }) => name === trainInputs.state);
  const stateCount = state?.isTensor ? Number(state.shape[0]) : 0;
  const vector = (values: Float32Array): OrtTensor => new Tensor('float32', values, [values.length]);

  const start = vector(options.parameters);
  const examples = rowsTensor(reader.features, manifest);
  const delta = options.into ?? new Float32Array(parameterCount);
  const sums = Object.fromEntries(manifest.metrics.map(({ name }) => [metricOutput(name), null]));
  const fixed: Tensors = {
    [trainInputs.checkpoint]: options.anchor === undefined ? start : vector(options.anchor),
    ...(options.correction === undefined ? {} : { [trainInputs.correction]: vector(options.correction) }),
    [trainInputs.learningRate]: new Tensor('float32', Float32Array.of(options.learningRate), []),
  };
  // Each run reads one pair of these and writes the other.
  const parameters = runs.length > 1 ? buffers.sides('parameters', parameterCount).map(vector) : [];
  const { local } = options;
  const ownStart = local && vector(local);
  // The caller's is only read; the last that is written is the result.
  const ownArrays = local === undefined ? [] : [local.slice(), local.slice()];
  const owns = ownArrays.map(vector);
  const states = stateCount > 0 ? buffers.sides('state', stateCount).map(vector) : [];
  if (stateCount > 0) buffers.sides('state', stateCount)[1].fill(0);
  const stepsMax = Math.max(...runs.map(({ steps }) => steps));
  const stepNumbers = has(trainInputs.stepNumbers) ? new Float64Array(stepsMax) : undefined;
  const dropoutSeeds = has(trainInputs.dropoutSeeds) ? new Int32Array(stepsMax) : undefined;

  return {
    delta,
    local: ownArrays[(runs.length - 1) % 2],
    feeds(run) {
      const { first, steps } = runs[run];
      const reads = 1 - (run % 2);
      const { order, targets, weights } = reader.arrays;
      const rows = steps * batchSize;
      const axes = [steps, batchSize];
      const feeds: Tensors = {
        ...fixed,
        [trainInputs.parameters]: run === 0 ? start : parameters[reads],
        ...(ownStart === undefined ? {} : { [trainInputs.local]: run === 0 ? ownStart : owns[reads] }),
        [trainInputs.examples]: examples,
        [trainInputs.order]: new Tensor('int32', order.subarray(0, rows), axes),
        [trainInputs.targets]: targetTensor(targets.subarray(0, rows * elementCount(manifest.targetShape)), [
          ...axes,
          ...manifest.targetShape,
        ]),
        [trainInputs.exampleWeights]: new Tensor('float32', weights.subarray(0, rows), axes),
      };
      // The first run reads the side that was filled with zeros.
      if (states.length > 0) feeds[trainInputs.state] = states[reads];
      if (stepNumbers !== undefined) {
        for (let at = 0; at < steps; at++) stepNumbers[at] = first + at + 1;
        feeds[trainInputs.stepNumbers] = new Tensor('float64', stepNumbers.subarray(0, steps), [steps]);
      }
      if (dropoutSeeds !== undefined) {
        for (let at = 0; at < steps; at++) dropoutSeeds[at] = dropoutSeed(options.seed, first + at);
        feeds[trainInputs.dropoutSeeds] = new Tensor('int32', dropoutSeeds.subarray(0, steps), [steps]);
      }
      return feeds;
    },
    fetches(run) {
      const writes = run % 2;
      return {
        ...sums,
        // After the last run, only the delta is of use, and before it is not: what is fetched is copied.
        ...(run + 1 < runs.length
          ? { [trainOutputs.parameters]: parameters[writes] }
          : { [trainOutputs.delta]: new Tensor('float32', delta, [parameterCount]) }),
        ...(owns.length > 0 ? { [trainOutputs.local]: owns[writes] } : {}),
        ...(states.length > 0 ? { [trainOutputs.state]: states[writes] } : {}),
      };
    },
  };
}

/** `[rows, …featureShape]`. */
export function rowsTensor(features: Float32Array, { featureShape }: PlanManifest): OrtTensor {
  const { Tensor } = onnxruntime();
  return new Tensor('float32', features, [features.length / elementCount(featureShape), ...featureShape]);
}

/** Targets as the graph wants them: class indices are int32, everything else float32. */
export function targetTensor(data: Int32Array | Float32Array, shape: readonly number[]): OrtTensor {
  const { Tensor } = onnxruntime();
  return data instanceof Int32Array ? new Tensor('int32', data, shape) : new Tensor('float32', data, shape);
}
