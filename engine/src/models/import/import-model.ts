/** From an ONNX model that somebody else made to one that plans are compiled of. */
import { dropoutWithSeed } from '../../autodiff/index.js';
import {
  builderFromModel,
  type DataType,
  elementCount,
  type Graph,
  isStatic,
  type Model,
  OnnxError,
} from '../../onnx/index.js';
import type { ParameterEntry } from '../../plan/manifest.js';
import { ModelError } from '../errors.js';
import type { TrainableModel } from '../trainable.js';
import { normalizationTensors, normalizeByBatch, statisticTensors } from './batch-statistics.js';
import { foldImported } from './fold.js';
import { holdPadding, type PaddingRows } from './hold-padding.js';
import { addLora, type LoraOptions } from './lora.js';
import { matches, requireMatches } from './patterns.js';
import { type HeadReplacement, replaceHead } from './replace-head.js';
import { type DropoutOptions, restoreDropout } from './restore-dropout.js';
import { restoreParameters } from './restore-parameters.js';
import { type ParameterTensor, parameterTensors } from './trainable-tensors.js';
import { type NodeWriter, writeForward, writeNode } from './write-forward.js';

export interface ImportOptions {
  /** The value that is trained, by name: logits before a softmax, for one. The first output of numbers unless told. */
  readonly output?: string;
  /** Which parameters are trained, by name; `*` stands for any characters. All of them unless told. A new head always is. */
  readonly trainable?: readonly string[];
  readonly head?: HeadReplacement;
  /** Trains adapters, a new head, and what `trainable` names, instead of everything. */
  readonly lora?: LoraOptions;
  /** What becomes of the statistics of batch normalisation; `frozen` unless told. */
  readonly batchNorm?: BatchNormMode;
  /** Dropout layers drop nothing unless told. */
  readonly dropout?: DropoutOptions;
  /** Rows of embeddings that learn nothing from lookups; none unless told. */
  readonly paddingRows?: PaddingRows;
}

/**
 * `frozen`: the stored statistics stay, scale and shift are trained. `averaged`: layers normalise by each batch's own
 * statistics while they are trained, and their running ones are averaged like parameters. `local`: as `averaged`, but scale,
 * shift and statistics stay with each device (FedBN, Li et al. 2021).
 */
export type BatchNormMode = (typeof batchNormModes)[number];
export const batchNormModes = ['frozen', 'averaged', 'local'] as const;

/**
 * A model of one input `[batch, …]` and at least one output, of which the first is trained. Parameters that are not
 * trained are constants of the plan: they travel with it once, and not with every update.
 * @throws OnnxError for operators that are not known, ModelError where inputs, outputs or options do not fit
 */
export function importModel(original: Model, options: ImportOptions = {}): TrainableModel {
  const restored = restoreParameters(original);
  const padded = holdPadding(restored, options.paddingRows ?? {});
  const { model: headed, fresh } =
    options.head === undefined ? { model: padded.model, fresh: [] } : replaceHead(padded.model, options.head);
  const folded = foldImported(headed).graph;
  const found = parameterTensors({ graph: folded, metadata: headed.metadata });
  const adapted = options.lora && addLora(headed, found, options.lora);
  const complete = adapted?.model ?? headed;
  const model = options.dropout === undefined ? complete : restoreDropout(complete, found, options.dropout);
  const candidates = [
    ...choose(model, found, options, fresh, adapted?.adapters ?? []),
    ...(isLearned(options.batchNorm) ? statisticTensors(folded) : []),
  ];
  const keeps = options.batchNorm === 'local' ? normalizationTensors(folded) : new Set<string>();
  const shared = candidates.filter(({ name }) => !keeps.has(name));
  const own = candidates.filter(({ name }) => keeps.has(name));
  if (shared.length === 0) {
    throw new ModelError(
      'model/invalid',
      'batchNorm: local leaves nothing that devices learn together; let "trainable" name other parameters too, or use averaged',
    );
  }
  const chosen = [...shared, ...own];
  const statistics = new Set(
    chosen.flatMap((one, i) => ('usedBy' in one && isStatistic(folded, one.name) ? [i] : [])),
  );
  const { input, output, elements } = shapesOf(model);
  const [parameters, parameterCount] = placed(shared, statistics, 0);
  const [ownEntries, ownCount] = placed(own, statistics, shared.length);
  const entries = [...parameters, ...ownEntries];
  const indices = new Map(entries.map(({ name }, index) => [name, index]));
  return {
    parameters,
    parameterCount,
    ...(own.length === 0 ? {} : { local: { parameters: ownEntries, start: joined(own, ownCount) } }),
    inputShape: input,
    outputShape: output,
    layerElements: elements,
    usesDropout: (options.dropout?.rate ?? 0) > 0,
    ...(statistics.size > 0 ? { statistics } : {}),
    starts: shared.map(({ tensor }) => ({ kind: 'stored', values: Float32Array.from(tensor.data, Number) })),
    forward: (builder, features, values, { dropoutSeed, step, stopGradient } = {}) => {
      const write: NodeWriter = (node, inputs) => {
        if (
          node.opType === 'Dropout' &&
          dropoutSeed !== undefined &&
          options.dropout !== undefined &&
          inputs[0]
        ) {
          return [dropoutWithSeed(builder, inputs[0], options.dropout.rate, dropoutSeed)];
        }
        if (node.opType === 'BatchNormalization' && step !== undefined && indices.has(node.inputs[3])) {
          const {
            output: normalized,
            mean,
            variance,
          } = normalizeByBatch(builder, node, inputs, step.weights);
          step.replace(indices.get(node.inputs[3]) ?? 0, mean);
          step.replace(indices.get(node.inputs[4]) ?? 0, variance);
          return [normalized];
        }
        const outputs = writeNode(builder, node, inputs);
        if (padded.held.has(node.outputs[0]) && outputs[0]) stopGradient?.(outputs[0]);
        return outputs;
      };
      return writeForward(
        model,
        builder,
        features,
        new Map(entries.map(({ name }, i) => [name, values[i]])),
        write,
      );
    },
  };
}

const isLearned = (mode: BatchNormMode = 'frozen'): boolean => mode !== 'frozen';

/** Lays tensors out one after the other; gives their length. `first` is the index of the first one among all. */
function placed(
  tensors: readonly Pick<ParameterTensor, 'name' | 'tensor'>[],
  statistics: ReadonlySet<number>,
  first: number,
): readonly [readonly ParameterEntry[], number] {
  let offset = 0;
  const entries = tensors.map(({ name, tensor }, index): ParameterEntry => {
    const entry = { name, shape: tensor.shape, offset, trainable: !statistics.has(first + index) };
    offset += tensor.data.length;
    return entry;
  });
  return [entries, offset];
}

function joined(tensors: readonly Pick<ParameterTensor, 'tensor'>[], count: number): Float32Array {
  const flat = new Float32Array(count);
  let offset = 0;
  for (const { tensor } of tensors) {
    flat.set(Float32Array.from(tensor.data, Number), offset);
    offset += tensor.data.length;
  }
  return flat;
}

const isStatistic = ({ nodes }: Graph, name: string): boolean =>
  nodes.some(({ opType, inputs }) => opType === 'BatchNormalization' && inputs.indexOf(name) >= 3);

function choose(
  model: Model,
  parameters: readonly ParameterTensor[],
  { trainable, lora }: ImportOptions,
  fresh: readonly string[],
  adapters: readonly string[],
): readonly Pick<ParameterTensor, 'name' | 'tensor'>[] {
  const names = parameters.map(({ name }) => name);
  const patterns = trainable ?? (lora === undefined ? ['*'] : []);
  if (names.length > 0) requireMatches('trainable', patterns, names);
  const added = adapters.flatMap((name) => {
    const tensor = model.graph.initializers.get(name);
    return tensor === undefined ? [] : [{ name, tensor }];
  });
  const chosen = [
    ...parameters.filter(({ name }) => matches(name, patterns) || fresh.includes(name)),
    ...added,
  ];
  if (chosen.length === 0) throw nothingToTrain(model);
  return chosen;
}

function nothingToTrain({ graph }: Model): ModelError {
  const other = [...graph.initializers].find(([, { dataType }]) => otherNumbers.has(dataType));
  const why =
    other === undefined
      ? ''
      : `: ${other[0]} is of ${other[1].dataType}, and float32 is trained; export model.float()`;
  return new ModelError('model/invalid', `the model has no parameters to train${why}`);
}

const otherNumbers: ReadonlySet<DataType> = new Set(['float16', 'float64']);

/** The shapes of one example, and how much the layers put out for it. */
function shapesOf(model: Model): { input: readonly number[]; output: readonly number[]; elements: number } {
  const { inputs } = model.graph;
  if (inputs.length !== 1) {
    const found = inputs.map(({ name }) => name).join(', ');
    throw new ModelError('model/invalid', `a model must have one input, but this has ${found || 'none'}`);
  }
  const { builder, outputs } = withBatchOf(model, 1);
  const input = inputs[0].shape.slice(1);
  const output = outputs[0]?.value.shape.slice(1) ?? [];
  if (!isStatic(input) || !isStatic(output)) {
    throw new ModelError(
      'model/invalid',
      `all sizes but the batch must be fixed, but the input is [${inputs[0].shape}] and the output [${outputs[0]?.value.shape}]; export the model with only the batch dynamic`,
    );
  }
  const elements = builder.nodes.reduce((sum, node) => {
    const { shape } = builder.value(node.outputs[0]);
    return sum + (isStatic(shape) ? elementCount(shape) : 0);
  }, 0);
  return { input, output, elements };
}

/** @throws ModelError for a model that holds the size of the batch it was exported with */
function withBatchOf(model: Model, batch: number): ReturnType<typeof builderFromModel> {
  try {
    return builderFromModel(foldImported(model, batch));
  } catch (error) {
    if (!(error instanceof OnnxError && error.code === 'onnx/shape')) throw error;
    throw new ModelError(
      'model/invalid',
      `the model does not fit a batch of ${batch}: ${error.message}; a size of the example it was exported with may have stayed in it: export it with the batch dynamic, and look for fixed sizes in reshapes`,
    );
  }
}
