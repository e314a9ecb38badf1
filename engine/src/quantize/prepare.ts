/** Brings a model into the form that quantizers work on: folded, batch normalisation in the weights, layers found. */
import { floatAttribute, intAttribute } from '../onnx/attributes.js';
import {
  builderFromModel,
  type Dimension,
  foldConstants,
  type Graph,
  type Model,
  type Node,
  OnnxError,
  removeUnused,
  type Tensor,
  tensorOf,
  toNumbers,
  type Value,
} from '../onnx/index.js';
import { foldBatchNorm } from './fold-batch-norm.js';
import { usesOf } from './uses.js';

/** An operator whose weight is stored in the model: most of its size, and of its work. */
export interface WeightLayer {
  /** The node's name. */
  readonly name: string;
  readonly node: Node;
  readonly weight: Tensor;
  /** The axis of the weight that has one slice for each channel put out. */
  readonly channelAxis: number;
  /** Multiplications with this weight for one example, or undefined where sizes are not fixed. */
  readonly multiplications: number | undefined;
}

export interface PreparedModel {
  readonly model: Model;
  /** In the order they run. */
  readonly layers: readonly WeightLayer[];
  /** Type and shape of every value. */
  readonly valueNamed: (name: string) => Value;
}

/**
 * The model with constants folded, inference-form batch normalisation folded into the weights before it, products with
 * a bias as one `Gemm`, and every node under a name of its own. It computes what it did, to rounding.
 * @throws OnnxError for operators that are not known
 */
export function prepare(original: Model): PreparedModel {
  const folded = foldConstants(original);
  const named = { ...folded, graph: withNames(folded.graph) };
  const { builder: shapes } = builderFromModel(named);
  const graph = removeUnused(
    plainGemms(joinBias(foldBatchNorm(named.graph), (name) => shapes.value(name).shape.length)),
  );
  const model = { ...named, graph };
  const { builder } = builderFromModel(model);
  const valueNamed = (name: string): Value => builder.value(name);
  return { model, layers: findLayers(graph, shapesOfOne(model)), valueNamed };
}

/**
 * The sizes that values have for one example: those that a graph computes from its batch, as exporters of attention write them, are
 * known then too. Undefined for a model that cannot take one.
 */
function shapesOfOne(model: Model): (name: string) => readonly Dimension[] | undefined {
  const [batch] = model.graph.inputs[0]?.shape ?? [];
  try {
    const dimensions = typeof batch === 'string' ? { [batch]: 1 } : {};
    const { builder } = builderFromModel(model, { dimensions });
    return (name) => builder.value(name).shape;
  } catch (error) {
    if (error instanceof OnnxError) return () => undefined;
    throw error;
  }
}

/**
 * The layers of a graph, in the order they run. What multiplies constants is none: the first state of a recurrent cell is zeros, made
 * by the batch's size where that is open and stored where it is not, and both are to have the same layers and ranges.
 */
export function findLayers(
  graph: Graph,
  shapeOfOne: (name: string) => readonly Dimension[] | undefined,
): readonly WeightLayer[] {
  const [batch] = graph.inputs[0]?.shape ?? [];
  const computed = computedFromInputs(graph);
  return graph.nodes.flatMap((node) => {
    const layer = computed.has(node.inputs[0]) ? layerOf(node, graph, shapeOfOne, batch) : undefined;
    return layer === undefined ? [] : [layer];
  });
}

/** The values that depend on what the inputs hold, not on their sizes alone. */
function computedFromInputs({ inputs, nodes }: Graph): ReadonlySet<string> {
  const computed = new Set(inputs.map(({ name }) => name));
  for (const { opType, inputs: read, outputs } of nodes) {
    if (opType === 'Shape' || opType === 'Size' || !read.some((name) => computed.has(name))) continue;
    for (const name of outputs) computed.add(name);
  }
  return computed;
}

/** Names are what reports and choices refer to. */
function withNames(graph: Graph): Graph {
  const taken = new Set<string>();
  const nodes = graph.nodes.map((node) => {
    const first = node.name === '' ? node.opType : node.name;
    let name = first;
    for (let number = 2; taken.has(name); number++) name = `${first}_${number}`;
    taken.add(name);
    return name === node.name ? node : { ...node, name };
  });
  return { ...graph, nodes };
}

/** A product of matrices and the stored vector added to it are a `Gemm`, which runtimes have an integer form of. */
function joinBias(graph: Graph, rankOf: (name: string) => number): Graph {
  const uses = usesOf(graph);
  const joined = new Map<string, Node>();
  const dropped = new Set<Node>();
  for (const node of graph.nodes) {
    if (node.opType !== 'MatMul' || rankOf(node.inputs[0]) !== 2) continue;
    const weight = graph.initializers.get(node.inputs[1]);
    const [user, another] = uses.get(node.outputs[0]) ?? [];
    if (weight?.shape.length !== 2 || user?.opType !== 'Add' || another !== undefined) continue;
    if (graph.outputs.some(({ name }) => name === node.outputs[0])) continue;
    const other = user.inputs.find((name) => name !== node.outputs[0]) ?? '';
    const bias = graph.initializers.get(other);
    if (bias?.shape.length !== 1 || bias.shape[0] !== weight.shape[1]) continue;
    joined.set(user.outputs[0], {
      ...node,
      opType: 'Gemm',
      inputs: [...node.inputs, other],
      outputs: user.outputs,
    });
    dropped.add(node);
  }
  const nodes = graph.nodes
    .filter((node) => !dropped.has(node))
    .map((node) => joined.get(node.outputs[0]) ?? node);
  return { ...graph, nodes };
}

/** `Gemm` without factors: they go into the weight and the bias, where those are stored and used once. */
function plainGemms(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const uses = usesOf(graph);
  const scaled = (name: string | undefined, factor: number): boolean => {
    if (name === undefined || name === '' || factor === 1) return true;
    const stored = initializers.get(name);
    if (stored?.dataType !== 'float32' || (uses.get(name) ?? []).length !== 1) return false;
    initializers.set(
      name,
      tensorOf(
        'float32',
        stored.shape,
        toNumbers(stored).map((value) => value * factor),
      ),
    );
    return true;
  };
  const nodes = graph.nodes.map((node) => {
    if (node.opType !== 'Gemm') return node;
    const { alpha, beta, ...attributes } = node.attributes;
    if (alpha === undefined && beta === undefined) return node;
    if (!scaled(node.inputs[1], floatAttribute(node, 'alpha', 1))) return node;
    // Past the weight there is no way back: a bias that cannot take its factor keeps it as the node's.
    const bias = scaled(node.inputs[2], floatAttribute(node, 'beta', 1));
    return { ...node, attributes: bias || beta === undefined ? attributes : { ...attributes, beta } };
  });
  return { ...graph, initializers, nodes };
}

function layerOf(
  node: Node,
  graph: Graph,
  shapeOfOne: (name: string) => readonly Dimension[] | undefined,
  batch: Dimension | undefined,
): WeightLayer | undefined {
  const weight = graph.initializers.get(node.inputs[1] ?? '');
  if (node.domain !== '' || weight?.dataType !== 'float32') return undefined;
  const channelAxis = channelAxisOf(node, weight);
  if (channelAxis === undefined) return undefined;
  const shape = shapeOfOne(node.outputs[0]) ?? [];
  const channels = node.opType === 'Conv' ? 1 : shape.length - 1;
  const positions = shape.filter((_, axis) => axis !== channels).map(Number);
  // Of a batch of fixed size, an equal share each. A name, where a size stayed one, is no number.
  const each = product(positions) / (typeof batch === 'number' ? batch : 1);
  const multiplications = shape.length > 0 && Number.isFinite(each) ? each * weight.data.length : undefined;
  return { name: node.name, node, weight, channelAxis, multiplications };
}

function channelAxisOf(node: Node, { shape }: Tensor): number | undefined {
  switch (node.opType) {
    case 'Conv':
      return 0;
    case 'Gemm':
      // A transposed input, and factors that stayed, have no integer form.
      if (intAttribute(node, 'transA', 0) !== 0) return undefined;
      if (floatAttribute(node, 'alpha', 1) !== 1 || floatAttribute(node, 'beta', 1) !== 1) return undefined;
      return intAttribute(node, 'transB', 0) === 0 ? 1 : 0;
    case 'MatMul':
      return shape.length === 2 ? 1 : undefined;
    default:
      return undefined;
  }
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
