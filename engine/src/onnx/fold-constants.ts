/** Computes ahead what does not depend on the inputs, and drops what no output needs. */
import { stringAttribute } from './attributes.js';
import type { GraphBuilder } from './builder.js';
import { product } from './dimensions.js';
import { type Dense, fromTensor, kernels, toTensor } from './evaluation/index.js';
import { builderFromModel, type FromModelOptions } from './from-model.js';
import type { Graph, Model, Node, Tensor, Value } from './graph.js';
import { inferNode } from './shape-inference/infer-node.js';
import { elementCount, tensorOf } from './tensors.js';

export interface FoldOptions extends FromModelOptions {
  /** Initializers that may change, such as parameters: nothing computed from them is folded. */
  readonly keep?: (name: string) => boolean;
}

/** A folded tensor larger than this (in elements) must not be larger than what it was computed from. */
const growthMax = 65_536;

/**
 * Folds constant subgraphs and shape arithmetic (`Shape`, `Gather`, `Concat` and their like over known sizes), and
 * removes nodes and initializers that no output needs. The graph computes what it did.
 *
 * An `Identity` of an initializer becomes a tensor of its own even where the initializer is kept: exporters store
 * equal tensors once (the scales of two normalisations, both ones), and training must not tie them.
 */
export function foldConstants(model: Model, options: FoldOptions = {}): Model {
  const keep = options.keep ?? (() => false);
  const results = new Set(model.graph.outputs.map(({ name }) => name));
  const { builder, outputs } = builderFromModel(model, {
    ...options,
    // As early as this, for what is computed may be a shape that a later node must know.
    compute: (node, known) =>
      node.outputs.some((name) => results.has(name)) ? undefined : computed(node, known, keep),
  });
  const graph: Graph = { ...builder.graph(), outputs: outputs.map(({ value }) => value) };
  return {
    graph: removeUnused(foldGraph(graph, builder)),
    opsets: { ...model.opsets, '': builder.opset },
    metadata: model.metadata,
  };
}

function foldGraph(graph: Graph, builder: GraphBuilder): Graph {
  const initializers = new Map(graph.initializers);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const folded = node.outputs.some((name) => outputs.has(name)) ? undefined : knownContents(node, builder);
    if (folded === undefined) {
      nodes.push(rewritten(node, builder, initializers));
      continue;
    }
    for (const [index, value] of folded.entries()) {
      const name = node.outputs[index];
      if (name !== undefined && name !== '') initializers.set(name, value);
    }
  }
  return { ...graph, initializers, nodes };
}

/** Sizes that shape inference already knows, though the tensor they are sizes of is an input. */
function knownContents(node: Node, builder: GraphBuilder): readonly Tensor[] | undefined {
  if (node.outputs.length !== 1) return undefined;
  const known = storedOrKnown(builder, builder.value(node.outputs[0]));
  return known && [known];
}

function storedOrKnown(builder: GraphBuilder, value: Value): Tensor | undefined {
  const stored = builder.constantOf(value);
  if (stored !== undefined) return stored;
  const contents = builder.contentsOf(value)?.filter((size) => typeof size === 'number');
  const shape = value.shape.filter((size) => typeof size === 'number');
  if (contents === undefined || shape.length !== value.shape.length) return undefined;
  if (contents.length !== elementCount(shape)) return undefined;
  return tensorOf(value.dataType, shape, contents);
}

function computed(
  node: Node,
  builder: GraphBuilder,
  keep: (name: string) => boolean,
): readonly Tensor[] | undefined {
  const kernel = node.domain === '' ? kernels.get(node.opType) : undefined;
  if (kernel === undefined || stringAttribute(node, 'mode', 'constant') !== 'constant') return undefined;
  const inputs: (Dense | undefined)[] = [];
  let largest = growthMax;
  for (const name of node.inputs) {
    const stored = name === '' ? undefined : storedOrKnown(builder, builder.value(name));
    if (name !== '' && (stored === undefined || !isExact(stored))) return undefined;
    if (keep(name) && node.opType !== 'Identity') return undefined;
    inputs.push(stored && fromTensor(stored));
    largest = Math.max(largest, stored?.data.length ?? 0);
  }
  // Told before it is made: a few bytes can ask for any amount of zeros.
  const sizes = inferNode(node, builder).map(({ shape }) => product(shape));
  if (sizes.some((size) => typeof size === 'string' || size > largest)) return undefined;
  const results = kernel(node, inputs);
  return results.every(({ data }) => data.length <= largest) ? results.map(toTensor) : undefined;
}

/** Whether doubles hold every element exactly. */
function isExact({ data }: Tensor): boolean {
  if (!(data instanceof BigInt64Array || data instanceof BigUint64Array)) return true;
  return data.every((value: bigint) => BigInt(Number(value)) === value);
}

/** A Reshape to a shape with one unknown size needs no shape arithmetic: that size is what is left. */
function rewritten(node: Node, builder: GraphBuilder, initializers: Map<string, Tensor>): Node {
  if (node.opType !== 'Reshape' || node.domain !== '') return node;
  const asked = builder.value(node.inputs[1]);
  if (builder.constantOf(asked) !== undefined) return node;
  const contents = builder.contentsOf(asked);
  const names = contents?.filter((size) => typeof size === 'string' || size === -1);
  if (contents === undefined || names?.length !== 1 || contents.includes(0)) return node;
  const known = contents.map((size) => (typeof size === 'number' ? size : -1));
  if (product(known) === 0) return node;
  const shape = tensorOf('int64', [known.length], known);
  const { name } = builder.constant(shape, `${node.outputs[0]}:shape`);
  initializers.set(name, shape);
  return { ...node, inputs: [node.inputs[0], name] };
}

/** The graph without nodes and initializers that no output needs. Its inputs stay as they are. */
export function removeUnused(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }: Value) => name));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.push(node);
    for (const name of usedNames(node)) needed.add(name);
  }
  return {
    ...graph,
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
    nodes: nodes.reverse(),
  };
}

/** What a node reads, in its subgraphs too. */
function usedNames(node: Node): readonly string[] {
  const inside = Object.values(node.attributes).flatMap((attribute) =>
    attribute.kind === 'graph'
      ? [...attribute.value.nodes.flatMap(usedNames), ...attribute.value.outputs.map(({ name }) => name)]
      : [],
  );
  return [...node.inputs, ...inside];
}
