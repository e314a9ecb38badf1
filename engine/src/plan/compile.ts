/** From a model to a plan. */
import { type LossDefinition, lossGraph } from '../losses/index.js';
import { buildModel, type SequentialModel, type TrainableModel } from '../models/index.js';
import { defaultOpset, elementCount, writeModel } from '../onnx/index.js';
import { type OptimizerDefinition, optimizerGraph } from '../optimizers/index.js';
import { type AwareOptions, quantizationAware } from '../quantize/aware.js';
import { copiedSteps, defaultChunkSteps, evaluationRows } from './chunks.js';
import { PlanError } from './errors.js';
import { evaluateGraph } from './evaluate-graph.js';
import { localFile, localLayout } from './local.js';
import type { Plan, PlanManifest, RequiredRuntime } from './manifest.js';
import { planMemory } from './memory-estimate.js';
import { planFileNames } from './names.js';
import { predictGraph } from './predict-graph.js';
import { stepsPerBlock } from './step-blocks.js';
import { stateCount, trainGraph } from './train-graph.js';
import { describeFile } from './verify.js';

export interface PlanOptions {
  readonly loss: LossDefinition;
  readonly optimizer: OptimizerDefinition;
  /** Examples a step; the last batch of an epoch may have fewer. */
  readonly batchSize: number;
  /** FedProx's μ; 0, or left out, is no proximal term. */
  readonly proximalMu?: number;
  /** Training takes a vector that is added to every step's gradient, such as SCAFFOLD's control variates. */
  readonly correction?: boolean;
  /** Trains for the int8 form: the forward pass rounds as that does, and its ranges are parameters. */
  readonly quantization?: AwareOptions;
  /**
   * Bytes that training may take, as the plan estimates them. Where keeping the whole forward pass for the gradient
   * takes more, parts of it are computed again: about a third more work. Left out, nothing is.
   */
  readonly memoryBytesMax?: number;
  /** Which runtime devices must have; `onnxruntime` unless told, which trains every model. */
  readonly runtime?: RequiredRuntime;
  /** Steps a run of the graph; left out, as many as memory and responsiveness allow. */
  readonly chunkSteps?: number;
}

const float32Bytes = 4;

/**
 * Compiles a model into a plan: the graphs a device runs to train, evaluate and predict.
 * The same definition and options give the same bytes.
 * @throws ModelError where layers do not fit each other
 * @throws PlanError `plan/options` where the model and the loss do not, or an option is out of range
 */
export function compilePlan(definition: SequentialModel | TrainableModel, options: PlanOptions): Plan {
  const { batchSize, proximalMu = 0, correction = false, runtime = 'onnxruntime' } = options;
  requirePositiveInteger('batchSize', batchSize);
  if (!Number.isFinite(proximalMu) || proximalMu < 0) {
    throw new PlanError('plan/options', `proximalMu must be a number of at least 0, found ${proximalMu}`);
  }
  const built = 'forward' in definition ? definition : buildModel(definition);
  const model = withQuantization(built, options.quantization);
  requireLayers(model, options);
  if (model.parameterCount === 0) {
    throw new PlanError(
      'plan/options',
      'the model has no parameters, so there is nothing to train; add a "dense" layer',
    );
  }
  const loss = lossGraph(options.loss);
  const optimizer = optimizerGraph(options.optimizer);
  const chunkSteps = options.chunkSteps ?? defaultChunkSteps(batchSize, model.layerElements);
  requirePositiveInteger('chunkSteps', chunkSteps);

  const evaluate = evaluateGraph(model, loss);
  const common = new Map<string, Uint8Array>([
    [planFileNames.evaluate, writeModel(evaluate.graph)],
    [planFileNames.predict, writeModel(predictGraph(model))],
  ]);
  if (model.local !== undefined) common.set(planFileNames.local, localFile(model.local));
  if (model.layersFile !== undefined) common.set(planFileNames.layers, model.layersFile);
  const targetShape = loss.targetShape(model.outputShape);
  const sizes = { batchSize, chunkSteps, featureShape: model.inputShape };
  const chunkElements =
    copiedSteps(sizes) * elementCount(model.inputShape) +
    chunkSteps * (elementCount(targetShape) + elementCount(model.outputShape));
  const parts = { model, loss, optimizer, batchSize, proximalMu, correction };
  const attempt = ({ segments, blockSteps }: Form): Compiled => {
    const train = trainGraph({ ...parts, segments });
    const blocks = blockSteps > 1 && train.takesBlocks ? trainGraph({ ...parts, blockSteps }) : undefined;
    const loops = blocks === undefined ? [train] : [train, blocks];
    const files = new Map([
      [planFileNames.train, writeModel(train.graph)],
      ...(blocks === undefined ? [] : ([[planFileNames.trainBlocks, writeModel(blocks.graph)]] as const)),
      ...common,
    ]);
    const bytesIn = (names: Iterable<string>): number =>
      [...names].reduce((sum, name) => sum + (files.get(name)?.byteLength ?? 0), 0);
    const { train: stepsFile, trainBlocks, evaluate: evaluateFile } = planFileNames;
    const memoryBytes = planMemory({
      vectorBytes: float32Bytes * (model.parameterCount + (model.local?.start.length ?? 0)),
      stateBytes: float32Bytes * stateCount(model, optimizer),
      chunkBytes: float32Bytes * batchSize * chunkElements,
      models: [...loops.map(({ graph }) => graph), evaluate.graph],
      fileBytes: bytesIn(files.keys()),
      loadedBytes: bytesIn([stepsFile, trainBlocks, evaluateFile]),
      // Each session keeps what its own run took.
      stepBytes: loops.reduce((sum, { stepBytes }) => sum + stepBytes, 0),
      evaluationBytes: evaluate.bytesFor(evaluationRows(sizes)),
    });
    return { files, memoryBytes, blockSteps: blocks === undefined ? undefined : blockSteps };
  };
  const { files, memoryBytes, blockSteps } = withinMemory(
    attempt,
    stepsPerBlock(batchSize),
    options.memoryBytesMax,
  );
  const manifest: PlanManifest = {
    format: 2,
    files: [...files].map(([name, bytes]) => describeFile(name, bytes)),
    parameters: model.parameters,
    parameterCount: model.parameterCount,
    ...(model.local === undefined ? {} : { local: localLayout(model.local) }),
    featureShape: model.inputShape,
    outputShape: model.outputShape,
    targetShape,
    targetDataType: loss.targetDataType,
    batchSize,
    chunkSteps,
    ...(blockSteps === undefined ? {} : { blockSteps }),
    memoryBytes,
    loss: options.loss,
    optimizer: options.optimizer,
    proximalMu,
    ...(correction ? { correction } : {}),
    metrics: loss.metricNames.map((name) => ({ name })),
    requires: { runtime, opset: defaultOpset },
  };
  return { manifest, files };
}

/** A form of the training graphs that may be tried. */
interface Form {
  readonly segments: number;
  readonly blockSteps: number;
}

interface Compiled extends Pick<Plan, 'files'> {
  readonly memoryBytes: number;
  readonly blockSteps: number | undefined;
}

/** Segments that are tried, from the least work to the least memory. */
const segmentCounts = [1, 2, 3, 4, 6, 8, 12];

/** The first form, from the least work to the least memory, that takes no more than it may, or else the one that takes least. */
function withinMemory(
  attempt: (form: Form) => Compiled,
  blockSteps: number,
  memoryBytesMax = Number.POSITIVE_INFINITY,
): Compiled {
  let best = attempt({ segments: 1, blockSteps });
  for (const segments of segmentCounts) {
    if (best.memoryBytes <= memoryBytesMax) break;
    // That was the first.
    if (segments === 1 && best.blockSteps === undefined) continue;
    const next = attempt({ segments, blockSteps: 1 });
    if (next.memoryBytes < best.memoryBytes) best = next;
  }
  return best;
}

/**
 * The model that a plan with these options trains: what a checkpoint of it starts from.
 * @throws QuantizeError `quantize/options` or `quantize/nothing` where it cannot be trained for the int8 form
 */
export function withQuantization(
  model: TrainableModel,
  quantization: AwareOptions | undefined,
): TrainableModel {
  return quantization === undefined ? model : quantizationAware(model, quantization);
}

/** TensorFlow.js trains layers models as they are, and nothing that an option makes of them. */
function requireLayers(
  { layersFile, usesDropout }: TrainableModel,
  { runtime = 'onnxruntime', proximalMu = 0, correction = false, quantization }: PlanOptions,
): void {
  if (runtime === 'onnxruntime') return;
  const wrong =
    layersFile === undefined
      ? 'the model is none of TensorFlow.js: import a model.json without head, lora, dropout and batchNorm'
      : proximalMu > 0 || correction || quantization !== undefined || usesDropout
        ? 'it trains without proximal terms, corrections, quantization and dropout: leave them out'
        : undefined;
  if (wrong === undefined) return;
  throw new PlanError(
    'plan/options',
    `the runtime ${runtime} asks for a plan that TensorFlow.js can run, but ${wrong}, or require onnxruntime`,
  );
}

function requirePositiveInteger(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new PlanError('plan/options', `${name} must be an integer of at least 1, found ${value}`);
  }
}
