/** Models that were read, as builders: shaped, and ready to be added to. */

import { describe, graphOfAttribute } from './attributes.js';
import { defaultOpset, GraphBuilder } from './builder.js';
import { OnnxError } from './errors.js';
import type { Dimension, Graph, Model, Node, Tensor, Value } from './graph.js';
import { appendSequenceNode, type Sequences } from './sequences.js';
import { readBy, requireFitting } from './shape-inference/infer-node.js';
import { upgradeNode } from './upgrade.js';

export interface FromModelOptions {
  /** Sizes for named dimensions, such as `{ batch: 20 }`; names not listed stay names. */
  readonly dimensions?: Readonly<Record<string, number>>;
  /** What a node's outputs are, where that is known ahead; they are then stored instead of computed. */
  readonly compute?: (node: Node, builder: GraphBuilder) => readonly Tensor[] | undefined;
}

export interface ModelBuilder {
  readonly builder: GraphBuilder;
  /** The model's outputs in order, under the names they have in the model. */
  readonly outputs: readonly { readonly name: string; readonly value: Value }[];
}

/** The operator sets whose models can be read as the one that is built here. */
const opsetMin = 13;
const opsetMax = 21;

/**
 * A builder that holds the model's graph, rewritten to the operator set that builders use, with every value's
 * type and shape inferred. Nothing is marked as an output of the builder yet.
 * @throws OnnxError `onnx/unsupported` for other operator sets and unknown operators, `onnx/shape` where shapes contradict.
 */
export function builderFromModel(model: Model, options: FromModelOptions = {}): ModelBuilder {
  const opset = model.opsets[''] ?? 0;
  if (opset < opsetMin || opset > opsetMax) {
    throw new OnnxError(
      'onnx/unsupported',
      `the model is written in operator set ${opset}; export it with one of ${opsetMin} to ${opsetMax}`,
    );
  }
  const builder = new GraphBuilder({ name: model.graph.name, opset: defaultOpset });
  const bind = (size: Dimension): Dimension =>
    typeof size === 'string' ? (options.dimensions?.[size] ?? size) : size;
  for (const { name, dataType, shape } of model.graph.inputs) {
    requireFitting(shape, `input ${name} has`);
    if (builder.find(name) !== undefined) {
      throw new OnnxError(
        'onnx/inconsistent',
        `two inputs are named ${JSON.stringify(name)}; export the model again`,
      );
    }
    builder.input(name, dataType, shape.map(bind));
  }
  for (const [name, stored] of model.graph.initializers) builder.initializer(name, stored);
  appendNodes(builder, model.graph.nodes, opset, options);
  const outputs = model.graph.outputs.map(({ name }) => ({ name, value: given(builder, name) }));
  return { builder, outputs };
}

function given(builder: GraphBuilder, name: string): Value {
  const value = builder.find(name);
  if (value !== undefined) return value;
  throw new OnnxError(
    'onnx/inconsistent',
    `no node gives the model's output ${JSON.stringify(name)}; export the model again, or name another output`,
  );
}

/** In a graph that was read two nodes may give one name, or a node that of an input; the builder knows only that it is taken. */
function appendOnce(node: Node, builder: GraphBuilder): void {
  const twice = node.outputs.find((name) => name !== '' && builder.find(name) !== undefined);
  if (twice === undefined) {
    builder.append(node);
    return;
  }
  throw new OnnxError(
    'onnx/inconsistent',
    `${describe(node)} gives ${JSON.stringify(twice)}, which is the name of another value already; export the model again`,
  );
}

function appendNodes(
  builder: GraphBuilder,
  nodes: readonly Node[],
  opset: number,
  options: FromModelOptions,
  sequences: Sequences = new Map(),
): void {
  for (const original of nodes) {
    if (appendSequenceNode(original, builder, sequences)) continue;
    const branch = takenBranch(original, builder);
    if (branch !== undefined) {
      for (const [name, stored] of branch.initializers) builder.initializer(name, stored);
      appendNodes(builder, branch.nodes, opset, options, sequences);
      branch.outputs.forEach(({ name }, index) => {
        builder.append(identity(name, original.outputs[index]));
      });
      continue;
    }
    const node = upgradeNode(original, opset, builder);
    const known = options.compute?.(node, builder);
    if (known === undefined) appendOnce(node, builder);
    else
      known.forEach((stored, index) => {
        const name = node.outputs[index];
        if (name !== undefined && name !== '') builder.initializer(name, stored);
      });
  }
}

/** The branch of an `If` whose condition is known: exporters ask about shapes that are fixed. */
function takenBranch(node: Node, builder: GraphBuilder): Graph | undefined {
  if (node.opType !== 'If' || node.domain !== '') return undefined;
  const condition = builder.constantOf(readBy(node, node.inputs[0] ?? '', builder));
  if (condition === undefined) {
    throw new OnnxError(
      'onnx/unsupported',
      `${describe(node)} depends on its input: control flow cannot be trained; export the model with fixed shapes, or without the branch`,
    );
  }
  return graphOfAttribute(node, condition.data[0] ? 'then_branch' : 'else_branch');
}

const identity = (from: string, to: string): Node => ({
  name: `branch/${to}`,
  opType: 'Identity',
  domain: '',
  inputs: [from],
  outputs: [to],
  attributes: {},
});

/** The model with all shapes inferred anew and its outputs described by them. */
export function inferShapes(model: Model, options: FromModelOptions = {}): Model {
  const { builder, outputs } = builderFromModel(model, options);
  const graph: Graph = { ...builder.graph(), outputs: outputs.map(({ value }) => value) };
  return { graph, opsets: { ...model.opsets, '': builder.opset }, metadata: model.metadata };
}
