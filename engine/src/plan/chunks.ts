/** How much one run of a plan's graphs does. */
import { elementCount } from '../onnx/index.js';
import type { PlanManifest } from './manifest.js';
import { stepsPerBlock } from './step-blocks.js';

/** Where examples are copied for a run, they stay below this; more gained nothing measurable. */
const copiedBytesMax = 8 * 1024 * 1024;
/**
 * A run of the graph cannot be interrupted, so that it is bounded by its work, of which the bytes that the layers put out
 * are a fair measure: this many take about a quarter of a second on one core, as do the most steps of a multi-layer perceptron.
 */
const layerBytesMax = 64 * 1024 * 1024;
const stepsMax = 1024;
/**
 * What a run costs beside its steps, parameters taken apart and joined, is a tenth of a step of a transformer or of MobileNet:
 * so many steps share it, where their work is within eight times that of other runs.
 */
const [sharedBySteps, sharedBytesMax] = [8, 8 * layerBytesMax];

/** Examples of one run of evaluation that fill the kernels. */
const evaluationRowsMax = 128;

const float32Bytes = 4;

/** Steps of a run of `train.onnx`, whose layers put out so many elements for an example. */
export function defaultChunkSteps(batchSize: number, layerElements: number): number {
  const layerBytes = batchSize * layerElements * float32Bytes;
  const shared = Math.min(sharedBytesMax / layerBytes, sharedBySteps);
  const steps = Math.min(Math.max(layerBytesMax / layerBytes, shared), stepsMax);
  return wholeBlocks(steps, stepsPerBlock(batchSize));
}

type Sizes = Pick<PlanManifest, 'batchSize' | 'chunkSteps' | 'featureShape'>;

/** The most steps of a run whose examples are copied for it. */
export function copiedSteps({ batchSize, chunkSteps, featureShape }: Sizes): number {
  const stepBytes = batchSize * elementCount(featureShape) * float32Bytes;
  return Math.min(chunkSteps, wholeBlocks(copiedBytesMax / stepBytes, stepsPerBlock(batchSize)));
}

/**
 * Examples of one run of `evaluate.onnx`. A run of training keeps the layers of one step after the other; evaluation
 * holds those of all its rows at once, so that it takes a quarter of the examples.
 */
export function evaluationRows(sizes: Sizes): number {
  const { batchSize } = sizes;
  const rows = Math.floor((batchSize * copiedSteps(sizes)) / 4);
  return Math.min(evaluationRowsMax, Math.max(batchSize, rows));
}

/** Whole blocks, so that only the last run has steps beside them. */
function wholeBlocks(steps: number, blockSteps: number): number {
  return Math.max(1, steps >= blockSteps ? Math.floor(steps / blockSteps) * blockSteps : Math.floor(steps));
}
