/** What a plan compiler needs of a model, whatever it was made from. */
import { elementCount, type GraphBuilder, type Value } from '../onnx/index.js';
import type { ParameterEntry } from '../plan/manifest.js';
import { randomStream } from '../random.js';
import type { Layer, SequentialModel } from './definition.js';
import { ModelError } from './errors.js';
import { type Fans, type Initializer, initialize } from './initializers.js';
import { findLayerType, type LayerType } from './layers/index.js';
import { layerPlace } from './parse.js';

export interface ForwardOptions {
  /** An int32 scalar that decides the dropout masks; leave out for inference. */
  readonly dropoutSeed?: Value;
  /** A training step, for models with {@link TrainableModel.statistics}; leave out for inference. */
  readonly step?: TrainingStep;
  /** Whether a model that is trained with quantization leaves its rounding out. */
  readonly plain?: boolean;
  /** In training: no gradient is to pass this value. */
  readonly stopGradient?: (value: Value) => void;
}

export interface TrainingStep {
  /** `[batch]`; 0 for what fills up a last, partial batch. */
  readonly weights: Value;
  /** Takes what a statistic is after the step, by its index among {@link allParameters}. */
  readonly replace: (index: number, value: Value) => void;
}

export interface TrainableModel {
  /** In the order of the flat vector. */
  readonly parameters: readonly ParameterEntry[];
  readonly parameterCount: number;
  /** What each device keeps to itself. None unless said. */
  readonly local?: LocalParameters;
  /** One example, without the batch axis. */
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  /** Elements that all layers together put out for one example: a measure of a step's memory and work. */
  readonly layerElements: number;
  /** Of {@link allParameters}, those that no gradient changes but each training step replaces: running statistics. None unless said. */
  readonly statistics?: ReadonlySet<number>;
  /** The layers model of TensorFlow.js that this was made from, as plans hold it, where that can be trained as it is. */
  readonly layersFile?: Uint8Array;
  /** Whether {@link forward} wants a dropout seed when it is trained. */
  readonly usesDropout: boolean;
  /** Adds the model's operators: `input` `[batch, …inputShape]` to `[batch, …outputShape]`; of {@link allParameters}. */
  forward(builder: GraphBuilder, input: Value, parameters: readonly Value[], options?: ForwardOptions): Value;
  /** What each parameter starts with, in the order of `parameters`. */
  readonly starts: readonly ParameterStart[];
}

/**
 * Parameters that are trained and kept by each device for itself, in a flat vector of their own: no checkpoint and no
 * update holds them.
 */
export interface LocalParameters {
  /** In the order of the local vector, in which their offsets are. */
  readonly parameters: readonly ParameterEntry[];
  /** What every device starts from: `[elements of the local vector]`. */
  readonly start: Float32Array;
}

/** Every tensor of a model: those of the shared vector, then those of the local one. */
export function allParameters({
  parameters,
  local,
}: Pick<TrainableModel, 'parameters' | 'local'>): readonly ParameterEntry[] {
  return local === undefined ? parameters : [...parameters, ...local.parameters];
}

/** Drawn at random, or the values a model came with. */
export type ParameterStart =
  | { readonly kind: 'random'; readonly initializer: Initializer; readonly fans: Fans }
  | { readonly kind: 'stored'; readonly values: Float32Array };

/** An ONNX file is a protobuf message, which ends at 2 GiB; this leaves room for the graph. */
const parameterCountMax = 500_000_000;

interface PlacedLayer {
  readonly layer: Layer;
  readonly type: LayerType;
  readonly index: number;
  readonly inputShape: readonly number[];
  readonly parameterCount: number;
}

/**
 * Lays the layers out over the input shape and the parameters over the flat vector.
 * @throws ModelError where a layer does not fit what comes before it
 */
export function buildModel(definition: SequentialModel): TrainableModel {
  const parameters: ParameterEntry[] = [];
  const starts: ParameterStart[] = [];
  const placed: PlacedLayer[] = [];
  let shape = definition.inputShape;
  let offset = 0;
  let layerElements = 0;
  for (const [index, layer] of definition.layers.entries()) {
    const type = findLayerType(layer.kind)?.type;
    if (type === undefined) throw new TypeError(`no layer type handles ${layer.kind}`);
    const shapes = type.describe(layer, shape, layerPlace(index, layer.kind));
    for (const spec of shapes.parameters) {
      parameters.push({ name: `layers.${index}.${spec.name}`, shape: spec.shape, offset, trainable: true });
      starts.push({ kind: 'random', initializer: spec.initializer, fans: spec.fans });
      offset += elementCount(spec.shape);
    }
    placed.push({ layer, type, index, inputShape: shape, parameterCount: shapes.parameters.length });
    shape = shapes.outputShape;
    layerElements += elementCount(shape);
  }
  if (offset > parameterCountMax) {
    throw new ModelError(
      'model/invalid',
      `the model has ${offset} parameters, more than the ${parameterCountMax} that fit into an ONNX file; use fewer units`,
    );
  }
  return {
    parameters,
    parameterCount: offset,
    inputShape: definition.inputShape,
    outputShape: shape,
    starts,
    layerElements,
    usesDropout: definition.layers.some((layer) => layer.kind === 'dropout' && layer.rate > 0),
    forward(builder, input, values, options = {}) {
      let current = input;
      let taken = 0;
      for (const { layer, type, index, inputShape, parameterCount } of placed) {
        current = type.build(layer, current, values.slice(taken, taken + parameterCount), {
          builder,
          dropoutSeed: options.dropoutSeed,
          inputShape,
          place: layerPlace(index, layer.kind),
        });
        taken += parameterCount;
      }
      return current;
    },
  };
}

/** Fresh parameters `[parameterCount]`; the same seed gives the same bits. */
export function initializeParameters(model: TrainableModel, seed: number): Float32Array {
  const flat = new Float32Array(model.parameterCount);
  for (const [index, { offset, shape }] of model.parameters.entries()) {
    const start = model.starts[index];
    const length = elementCount(shape);
    if (start.kind === 'stored') {
      flat.set(start.values, offset);
      continue;
    }
    // A stream for each parameter: adding a layer does not change how the others start.
    const random = randomStream(seed, index);
    initialize(start.initializer, shape, start.fans, random, flat.subarray(offset, offset + length));
  }
  return flat;
}
