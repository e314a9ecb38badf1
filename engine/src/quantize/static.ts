/**
 * Static quantization: integers and their scales are fixed before the model runs. Written as pairs of `QuantizeLinear`
 * and `DequantizeLinear` around f32 operators ("QDQ"), which any runtime computes and which ONNX Runtime fuses into
 * integer kernels.
 */
import { int, type Model, type Node, type Tensor, tensorOf } from '../onnx/index.js';
import type { ValueRange } from './choose-range.js';
import { QuantizeError } from './errors.js';
import { GraphEdit } from './graph-edit.js';
import {
  type AffineScale,
  affineScale,
  type QuantizedWeight,
  quantizeBias,
  quantizeWeight,
  scalesForBias,
} from './integers.js';
import type { QuantizationPoints } from './points.js';
import type { PreparedModel, WeightLayer } from './prepare.js';

export interface StaticOptions {
  /** Of weights: 8, or 7 for processors whose 8-bit products saturate (x86 without VNNI). */
  readonly weightBits?: 7 | 8 | undefined;
}

/**
 * The model with its chosen layers in integers: activations uint8 with a zero point, weights int8 with a scale for each
 * channel, biases int32.
 * @param ranges of every tensor that `calibratedTensors(points)` names
 * @throws QuantizeError `quantize/calibration` where a range is missing, `quantize/nothing` where no layer is chosen
 */
export function quantizeStatic(
  { model, layers }: PreparedModel,
  points: QuantizationPoints,
  ranges: ReadonlyMap<string, ValueRange>,
  options: StaticOptions = {},
): Model {
  if (points.layers.size === 0) {
    throw new QuantizeError(
      'quantize/nothing',
      'no layer is left to quantize; exclude fewer, or keep the model as it is',
    );
  }
  const edit = new GraphEdit(model);
  const scales = new Map<string, AffineScale>();
  /** What is read instead of a value that became integers. */
  const dequantized = new Map<string, string>();
  const quantize = (name: string, from: string, to?: string): void => {
    const scale = scaleOf(points.activations.get(name) ?? name, ranges);
    scales.set(name, scale);
    dequantized.set(name, throughIntegers(edit, from, scale, name, to));
  };
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const outputs = new Set(model.graph.outputs.map(({ name }) => name));

  for (const { name } of model.graph.inputs) if (points.activations.has(name)) quantize(name, name);
  for (const node of model.graph.nodes) {
    const layer = points.layers.has(node.name) ? byName.get(node.name) : undefined;
    const read = node.inputs.map((name) => dequantized.get(name) ?? name);
    const inputs = layer === undefined ? read : integerInputs(edit, layer, read, scales, options);
    // An output of the model keeps its name: it is what comes out of the integers.
    const renamed = node.outputs.map((name) =>
      points.activations.has(name) && outputs.has(name) ? edit.fresh(`${name}/f32`) : name,
    );
    edit.nodes.push({ ...node, inputs, outputs: renamed });
    node.outputs.forEach((name, index) => {
      if (points.activations.has(name)) quantize(name, renamed[index], outputs.has(name) ? name : undefined);
    });
  }
  return edit.finish();
}

function scaleOf(name: string, ranges: ReadonlyMap<string, ValueRange>): AffineScale {
  const range = ranges.get(name);
  if (range === undefined) {
    throw new QuantizeError(
      'quantize/calibration',
      `the tensor ${name} was not calibrated; calibrate the same model`,
    );
  }
  return affineScale(range);
}

/** Adds the pair; gives the name of what comes out, `to` where it is given. */
function throughIntegers(
  edit: GraphEdit,
  from: string,
  scale: AffineScale,
  name: string,
  to?: string,
): string {
  const parameters = [
    edit.store(`${name}/scale`, tensorOf('float32', [], [scale.scale])),
    edit.store(`${name}/zeroPoint`, tensorOf('uint8', [], [scale.zeroPoint])),
  ];
  const integers = edit.add('QuantizeLinear', [from, ...parameters], `${name}/quantized`);
  if (to === undefined) return edit.add('DequantizeLinear', [integers, ...parameters], `${name}/dequantized`);
  const node: Node = {
    name: edit.fresh(`${name}/DequantizeLinear`),
    opType: 'DequantizeLinear',
    domain: '',
    inputs: [integers, ...parameters],
    outputs: [to],
    attributes: {},
  };
  edit.nodes.push(node);
  return to;
}

function integerInputs(
  edit: GraphEdit,
  layer: WeightLayer,
  read: readonly string[],
  scales: ReadonlyMap<string, AffineScale>,
  { weightBits = 8 }: StaticOptions,
): readonly string[] {
  const [source, weightName, biasName = ''] = layer.node.inputs;
  const inputScale = scales.get(source);
  const bias = edit.initializer(biasName);
  const channels = layer.weight.shape[layer.channelAxis];
  if (bias === undefined || inputScale === undefined || !isOfChannels(bias, channels)) {
    const weight = quantizeWeight(layer.weight, layer.channelAxis, weightBits);
    return [read[0], storedWeight(edit, weightName, weight), ...read.slice(2)];
  }
  const scalesMin = scalesForBias(bias, inputScale.scale, channels);
  const weight = quantizeWeight(layer.weight, layer.channelAxis, weightBits, scalesMin);
  return [
    read[0],
    storedWeight(edit, weightName, weight),
    storedBias(edit, biasName, quantizeBias(bias, inputScale.scale, weight.scales), inputScale, weight),
  ];
}

/** Whether a bias has one number, or one for each channel; that of a `Gemm` may also have some for each row. */
const isOfChannels = ({ shape, data }: Tensor, channels: number): boolean =>
  data.length === 1 || (data.length === channels && shape.at(-1) === channels);

function storedWeight(edit: GraphEdit, name: string, { integers, scales, axis }: QuantizedWeight): string {
  const stored = [
    edit.store(`${name}/int8`, integers),
    edit.store(`${name}/scales`, tensorOf('float32', [scales.length], scales)),
    edit.store(`${name}/zeroPoints`, tensorOf('int8', [scales.length], new Float32Array(scales.length))),
  ];
  return edit.add('DequantizeLinear', stored, `${name}/dequantized`, { axis: int(axis) });
}

function storedBias(
  edit: GraphEdit,
  name: string,
  integers: ReturnType<typeof quantizeBias>,
  { scale }: AffineScale,
  { scales }: QuantizedWeight,
): string {
  const products = scales.map((weightScale) => scale * weightScale);
  const stored = [
    edit.store(`${name}/int32`, integers),
    edit.store(`${name}/scales`, tensorOf('float32', [products.length], products)),
  ];
  return edit.add('DequantizeLinear', stored, `${name}/dequantized`, { axis: int(0) });
}
