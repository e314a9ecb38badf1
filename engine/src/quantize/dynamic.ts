/**
 * Dynamic quantization: weights are stored as integers, activations become integers as they come, with the range that
 * each of them has. Needs no examples, and costs a pass over every activation: for models that are products of large
 * matrices.
 */
import { intAttribute } from '../onnx/attributes.js';
import { dataTypeCode, int, type Model, type Tensor, tensorOf, toNumbers } from '../onnx/index.js';
import { QuantizeError } from './errors.js';
import { GraphEdit } from './graph-edit.js';
import { quantizeWeight } from './integers.js';
import type { PreparedModel, WeightLayer } from './prepare.js';
import type { StaticOptions } from './static.js';

/**
 * The model with its products of matrices in integers, of standard operators alone; ONNX Runtime fuses them.
 * @throws QuantizeError `quantize/nothing` where there is no such product
 */
export function quantizeDynamic(
  { model, layers }: PreparedModel,
  excluded: ReadonlySet<string> = new Set(),
  { weightBits = 8 }: StaticOptions = {},
): Model {
  const chosen = new Map(
    layers
      .filter(({ name, node }) => isProduct(node.opType) && !excluded.has(name))
      .map((layer) => [layer.name, layer]),
  );
  if (chosen.size === 0) {
    throw new QuantizeError(
      'quantize/nothing',
      'the model has no product with a stored matrix; use the static method',
    );
  }
  const edit = new GraphEdit(model);
  /** Activations that are integers already: several layers may read one. */
  const quantized = new Map<string, readonly [string, string, string]>();
  for (const node of model.graph.nodes) {
    const layer = chosen.get(node.name);
    if (layer === undefined) edit.nodes.push(node);
    else integerProduct(edit, layer, quantized, weightBits);
  }
  return edit.finish();
}

export const isProduct = (opType: string): boolean => opType === 'Gemm' || opType === 'MatMul';

/** The weight of a product as `[inputs, outputs]`. */
export function weightAsMatrix({ node, weight }: WeightLayer): Tensor {
  if (node.opType === 'MatMul' || intAttribute(node, 'transB', 0) === 0) return weight;
  const [columns, rows] = weight.shape;
  const values = toNumbers(weight);
  const data = values.map((_, at) => values[(at % columns) * rows + Math.floor(at / columns)]);
  return tensorOf('float32', [rows, columns], data);
}

function integerProduct(
  edit: GraphEdit,
  layer: WeightLayer,
  quantized: Map<string, readonly [string, string, string]>,
  weightBits: 7 | 8,
): void {
  const { node } = layer;
  const [source, name, bias = ''] = node.inputs;
  const [integers, scale, zeroPoint] = quantized.get(source) ?? dynamicInput(edit, source);
  quantized.set(source, [integers, scale, zeroPoint]);
  const weight = quantizeWeight(weightAsMatrix(layer), 1, weightBits);
  const stored = edit.store(`${name}/int8`, weight.integers);
  const scales = edit.store(`${name}/scales`, tensorOf('float32', [weight.scales.length], weight.scales));
  const zeroPoints = edit.store(`${name}/zeroPoint`, tensorOf('int8', [], [0]));
  const product = edit.add(
    'MatMulInteger',
    [integers, stored, zeroPoint, zeroPoints],
    `${node.name}/product`,
  );
  const real = edit.add('Cast', [product], `${node.name}/float`, { to: int(dataTypeCode('float32')) });
  const unit = edit.add('Mul', [scale, scales], `${node.name}/unit`);
  const last = bias === '' ? 'Mul' : 'Add';
  const inputs = bias === '' ? [real, unit] : [edit.add('Mul', [real, unit], `${node.name}/scaled`), bias];
  edit.nodes.push({
    name: node.name,
    opType: last,
    domain: '',
    inputs,
    outputs: node.outputs,
    attributes: {},
  });
}

function dynamicInput(edit: GraphEdit, source: string): readonly [string, string, string] {
  const outputs = [`${source}/uint8`, `${source}/scale`, `${source}/zeroPoint`].map((name) =>
    edit.fresh(name),
  );
  edit.nodes.push({
    name: edit.fresh(`${source}/DynamicQuantizeLinear`),
    opType: 'DynamicQuantizeLinear',
    domain: '',
    inputs: [source],
    outputs,
    attributes: {},
  });
  return [outputs[0], outputs[1], outputs[2]];
}
