/** Which of a graph's tensors are parameters. */
import { passesGradient } from '../../autodiff/index.js';
import type { Graph, Model, Node, Tensor } from '../../onnx/index.js';
import { kindsOfNames, type NameKind } from './parameter-names.js';

/** The inputs of operators that hold weights; statistics of batch normalisation are not among them. */
const weightInputs: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [1, 2],
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  GRU: [1, 2, 3],
  Gather: [0],
  Gemm: [1, 2],
  InstanceNormalization: [1, 2],
  LSTM: [1, 2, 3],
  LayerNormalization: [1, 2],
  MatMul: [0, 1],
  PRelu: [1],
  RNN: [1, 2, 3],
};

/** Operators through which a tensor goes on its way to where it is used. */
export const passing: ReadonlySet<string> = new Set([
  'Identity',
  'Reshape',
  'Transpose',
  'Unsqueeze',
  'Squeeze',
]);

/** And those that move its numbers: tokens that are learned are expanded and put before others, gates of a recurrent layer sorted. */
const moving: ReadonlySet<string> = new Set([
  ...passing,
  'Concat',
  'Expand',
  'Flatten',
  'Pad',
  'Slice',
  'Split',
  'Tile',
]);

/** Inputs through which a gradient goes, where that is not the first alone. */
const differentiable: Readonly<Record<string, readonly number[]>> = {
  ...weightInputs,
  ...Object.fromEntries(
    ['Add', 'Mul', 'Sub', 'Div', 'Pow', 'Gemm', 'GridSample'].map((type) => [type, [0, 1, 2]]),
  ),
  ScatterElements: [0, 2],
  ScatterND: [0, 2],
  Where: [1, 2],
};

/** Of these it goes through every input. */
const variadic: ReadonlySet<string> = new Set(['Einsum', 'Max', 'Mean', 'Min', 'Sum']);

export interface ParameterTensor {
  readonly name: string;
  readonly tensor: Tensor;
  /** The operator that uses it. */
  readonly usedBy: string;
}

/**
 * The float32 initializers that are weights of an operator, or that somebody gave a name and a gradient reaches: all
 * that PyTorch calls a parameter, and what other programs add or multiply. Tensors with infinities (attention masks) are constants,
 * and so are scalars, but those of PyTorch, and what other programs scale their input by.
 */
export function parameterTensors(model: Pick<Model, 'graph' | 'metadata'>): readonly ParameterTensor[] {
  const { graph } = model;
  const kindOf = kindsOfNames(model);
  const scaled = scaledInputs(graph);
  const users = new Map<string, { node: Node; index: number }[]>();
  for (const node of graph.nodes) {
    node.inputs.forEach((name, index) => {
      const known = users.get(name);
      if (known === undefined) users.set(name, [{ node, index }]);
      else known.push({ node, index });
    });
  }
  const useOf = (name: string, kind: NameKind, seen = new Set<Node>()): string | undefined => {
    for (const { node, index } of users.get(name) ?? []) {
      const scales = kind === 'named' && scaled.has(node.outputs[0]) && isOfFeatures(graph, name);
      if (!scales && isUse(node, index, kind)) return node.opType;
      const goesOn = (kind === 'parameter' ? moving : passing).has(node.opType);
      if (!goesOn || (index !== 0 && node.opType !== 'Concat') || seen.has(node)) continue;
      seen.add(node);
      for (const output of node.outputs) {
        const further = useOf(output, kind, seen);
        if (further !== undefined) return further;
      }
    }
    return undefined;
  };
  return [...graph.initializers].flatMap(([name, tensor]) => {
    const { dataType, shape, data } = tensor;
    const kind = kindOf(name);
    if (dataType !== 'float32' || kind === 'buffer') return [];
    if (shape.length === 0 && kind !== 'parameter') return [];
    if (data.some((value: number | bigint) => !Number.isFinite(Number(value)))) return [];
    // The zeros that an exporter gives a convolution without bias.
    if (kind === 'made-up' && data.every((value: number | bigint) => value === 0)) return [];
    const usedBy = useOf(name, kind);
    if (usedBy === undefined || (kind === 'made-up' && isFilledIn(usedBy, tensor))) return [];
    return [{ name, tensor, usedBy }];
  });
}

/**
 * The ones that exporters give normalisations without weights, and those of instances of which they make that of groups, which
 * scales later.
 */
const isFilledIn = (usedBy: string, { data }: Tensor): boolean =>
  usedBy === 'InstanceNormalization' ||
  (usedBy === 'LayerNormalization' && data.every((value: number | bigint) => value === 1));

/**
 * Whether a tensor has a number for each feature, or one for all. The factor and shift of a normalisation by batches have, and are
 * learned; what is learned of positions has more.
 */
const isOfFeatures = ({ initializers }: Graph, name: string): boolean =>
  !/batch_?norm/i.test(name) && (initializers.get(name)?.shape.filter((size) => size > 1).length ?? 0) <= 1;

/** How inputs are prepared before anything learns: scikit-learn's scalers, and the normalisation and rescaling of Keras. */
const preparing: ReadonlySet<string> = new Set(['Add', 'Cast', 'Div', 'Identity', 'Mul', 'Sub']);

/** The values that are an input and stored numbers, by arithmetic alone. */
function scaledInputs({ inputs, initializers, nodes }: Graph): ReadonlySet<string> {
  const scaled = new Set(inputs.map(({ name }) => name));
  for (const node of nodes) {
    const from = node.inputs.filter((name) => scaled.has(name));
    if (!preparing.has(node.opType) || from.length !== 1) continue;
    if (node.inputs.every((name) => scaled.has(name) || initializers.has(name))) scaled.add(node.outputs[0]);
  }
  return scaled;
}

/** Whether a node learns by its input. */
function isUse(node: Node, index: number, kind: NameKind): boolean {
  const { opType } = node;
  if (weightInputs[opType]?.includes(index)) return true;
  if (kind === 'named') return isArithmetic(opType, index);
  if (kind !== 'parameter' || moving.has(opType) || !passesGradient(node)) return false;
  return variadic.has(opType) || (differentiable[opType] ?? [0]).includes(index);
}

/** `1 - p` and `1 / x` have constants in the first place. */
const isArithmetic = (opType: string, index: number): boolean =>
  opType === 'Add' || opType === 'Mul' || ((opType === 'Sub' || opType === 'Div') && index === 1);
