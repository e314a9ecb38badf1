/**
 * Quantization-aware training (Jacob et al. 2018, arXiv 1712.05877): the forward pass rounds weights and activations as
 * the int8 form will, and gradients pass the rounding as if it were not there. Ranges of activations are parameters of
 * the model: they travel with every update and are averaged like all others, so that a fleet agrees on them.
 */

import type { ForwardOptions, TrainableModel } from '../models/trainable.js';
import { dataTypeCode, type Graph, type GraphBuilder, int, type Node, type Value } from '../onnx/index.js';
import { rangesName } from '../plan/names.js';
import { awareGraph } from './aware-graph.js';
import type { ValueRange } from './choose-range.js';
import { QuantizeError } from './errors.js';
import {
  fakeQuantizeActivation,
  fakeQuantizeWeight,
  observedRange,
  type RangeValues,
} from './fake-quantize.js';

export interface AwareOptions {
  /**
   * `observed`: each training step moves a range by a share of the way to its batch's extremes. `learned`: ranges are
   * trained by the loss (Esser et al. 2020, arXiv 1902.08153; in the logarithm, as Jain et al. 2020, arXiv 1903.08066).
   */
  readonly ranges: 'observed' | 'learned';
}

/** A side whose range is this small is empty: 2^-24. */
const emptySide = -24;

/**
 * The model with a parameter more, `quantization.ranges` `[activations, 2]`, whose forward pass is that of its int8 form.
 * @throws QuantizeError `quantize/nothing` where it has no layer to quantize, `quantize/options` where it uses dropout
 */
export function quantizationAware(model: TrainableModel, { ranges }: AwareOptions): TrainableModel {
  if (model.usesDropout) {
    throw new QuantizeError(
      'quantize/options',
      'a model with dropout cannot be trained with quantization: what a device serves has no dropout, and other ranges; leave the dropout out',
    );
  }
  if (model.local !== undefined) {
    throw new QuantizeError(
      'quantize/options',
      'a model whose batch normalisation stays with each device cannot be trained with quantization: each device would need ranges and folded weights of its own; use batchNorm: averaged',
    );
  }
  const { graph, tensors, layers } = awareGraph(model);
  if (layers.size === 0) {
    throw new QuantizeError(
      'quantize/nothing',
      'the model has no Conv, Gemm or MatMul with a weight to quantize',
    );
  }
  const index = model.parameters.length;
  const shape = [tensors.length, 2];
  const entry = { name: rangesName, shape, offset: model.parameterCount, trainable: ranges === 'learned' };
  return {
    ...model,
    parameters: [...model.parameters, entry],
    parameterCount: model.parameterCount + 2 * tensors.length,
    starts: [...model.starts, { kind: 'stored', values: startOf(graph, tensors) }],
    ...(ranges === 'observed' ? { statistics: new Set([...(model.statistics ?? []), index]) } : {}),
    forward(builder, input, parameters, options = {}) {
      const own = parameters.slice(0, index);
      if (options.plain === true) return model.forward(builder, input, own, options);
      return forwardAware(model, ranges, builder, input, own, parameters[index], options);
    },
  };
}

/**
 * Wide: what lies beyond a range is lost, and a range that is learned widens slowly, while one too wide by two powers of two
 * still leaves six bits. Features are taken for standardized, what is bounded by its function has its bounds.
 */
function startOf(graph: Graph, tensors: readonly string[]): Float32Array {
  const makers = new Map(graph.nodes.flatMap(({ opType, outputs }) => outputs.map((name) => [name, opType])));
  return Float32Array.from(
    tensors.flatMap((name) => {
      const maker = makers.get(name);
      const greatest = maker === undefined ? 2 : /^(Hard)?(Sigmoid|Tanh)$|^Softmax$/.test(maker) ? 0 : 3;
      return [/^(Relu|(Hard)?Sigmoid|Softmax)$/.test(maker ?? '') ? emptySide : greatest, greatest];
    }),
  );
}

function forwardAware(
  model: TrainableModel,
  ranges: AwareOptions['ranges'],
  builder: GraphBuilder,
  input: Value,
  parameters: readonly Value[],
  stored: Value,
  options: ForwardOptions,
): Value {
  const { graph, points, tensors, layers, parameterNames, norms } = awareGraph(model, input.shape[0]);
  const values = new Map<string, Value>([['features', input]]);
  parameterNames.forEach((name, at) => {
    values.set(name, parameters[at]);
  });
  const rounded = new Map<string, Value>();
  const observed: Value[] = [];
  const rangeOf = (tensor: string): RangeValues => rangeAt(builder, stored, tensors.indexOf(tensor));
  const read = (name: string): Value | undefined => {
    if (name === '') return undefined;
    const known = rounded.get(name) ?? values.get(name);
    if (known !== undefined) return known;
    const constant = graph.initializers.get(name);
    if (constant === undefined) throw new Error(`${name} is read before it is computed`);
    const value = builder.constant(constant, name);
    values.set(name, value);
    return value;
  };
  const round = (name: string, value: Value): void => {
    // What only moved has the scale of what it was taken from, and is rounded already.
    if (points.activations.get(name) !== name) return;
    if (options.step !== undefined && ranges === 'observed') observed.push(observedRange(builder, value));
    rounded.set(name, fakeQuantizeActivation(builder, value, rangeOf(name)));
  };

  round('features', input);
  for (const node of graph.nodes) {
    const layer = layers.get(node.name);
    const inputs = node.inputs.map(read);
    if (layer !== undefined) {
      const norm = norms.get(node.name);
      const [weight, bias] =
        norm === undefined ? [inputs[1], inputs[2]] : normalized(builder, node, norm, inputs, read);
      if (weight !== undefined)
        inputs[1] = fakeQuantizeWeight(builder, weight, layer.channelAxis, options.stopGradient);
      inputs[2] = bias;
    }
    const outputs = builder.ops(node.opType, inputs, node.outputs.length, node.attributes, {
      domain: node.domain,
      name: node.name,
    });
    node.outputs.forEach((name, at) => {
      if (name === '') return;
      values.set(name, outputs[at]);
      round(name, outputs[at]);
    });
  }
  if (observed.length > 0) options.step?.replace(parameters.length, moved(builder, stored, observed));
  return read(graph.outputs[0].name) ?? input;
}

/** Share of the way that a range moves with each step. */
const observedShare = 0.05;

/** `[activations, 2]`: the stored logarithms, a share of the way nearer to those of this batch. */
function moved(builder: GraphBuilder, stored: Value, observed: readonly Value[]): Value {
  const seen = builder.op('Concat', observed, { axis: int(0) });
  const distance = builder.op('Sub', [seen, stored]);
  return builder.op('Add', [stored, builder.op('Mul', [distance, builder.scalar(observedShare)])]);
}

/** Scale and zero point of an activation, from the logarithms of its ends. */
function rangeAt(builder: GraphBuilder, logarithms: Value, index: number): RangeValues {
  const ends = builder.op('Exp', [
    builder.op('Mul', [pick(builder, logarithms, index), builder.scalar(Math.LN2)]),
  ]);
  const scale = builder.op('Mul', [
    builder.op('ReduceSum', [ends], { keepdims: int(0) }),
    builder.scalar(1 / 255),
  ]);
  const low = builder.op('Squeeze', [builder.op('Slice', [ends, builder.ints([0]), builder.ints([1])])]);
  const zero = builder.op('Round', [builder.op('Div', [low, scale])]);
  return { scale, zeroPoint: builder.op('Cast', [zero], { to: int(dataTypeCode('uint8')) }) };
}

/** `[2]`: row `index`. */
function pick(builder: GraphBuilder, logarithms: Value, index: number): Value {
  const row = builder.op('Slice', [
    logarithms,
    builder.ints([index]),
    builder.ints([index + 1]),
    builder.ints([0]),
  ]);
  return builder.op('Reshape', [row, builder.ints([2])]);
}

/** Weight and bias with the normalisation that follows the layer in them. */
function normalized(
  builder: GraphBuilder,
  layer: Node,
  norm: Node,
  inputs: readonly (Value | undefined)[],
  read: (name: string) => Value | undefined,
): readonly (Value | undefined)[] {
  const [scale, shift, mean, variance] = norm.inputs.slice(1, 5).map(read);
  const weight = inputs[1];
  if (!weight || !scale || !shift || !mean || !variance) return [weight, inputs[2]];
  const epsilon = norm.attributes.epsilon?.kind === 'float' ? norm.attributes.epsilon.value : 1e-5;
  const deviation = builder.op('Sqrt', [builder.op('Add', [variance, builder.scalar(epsilon)])]);
  const factor = builder.op('Div', [scale, deviation]);
  const channels = weight.shape.map((size, axis) => (axis === 0 ? Number(size) : 1));
  const across = layer.opType === 'Conv' ? builder.op('Reshape', [factor, builder.ints(channels)]) : factor;
  const centred = inputs[2] === undefined ? builder.op('Neg', [mean]) : builder.op('Sub', [inputs[2], mean]);
  return [
    builder.op('Mul', [weight, across]),
    builder.op('Add', [builder.op('Mul', [centred, factor]), shift]),
  ];
}

/** The ranges that training found, from the parameter's values `[activations, 2]`. */
export function trainedRanges(
  values: Float32Array,
  tensors: readonly string[],
): ReadonlyMap<string, ValueRange> {
  const end = (logarithm: number): number => (logarithm <= emptySide ? 0 : 2 ** logarithm);
  return new Map(
    tensors.map((name, at) => [name, { minimum: -end(values[2 * at]), maximum: end(values[2 * at + 1]) }]),
  );
}
