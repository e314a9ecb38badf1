/** Which of a model's outputs is trained, and the part of the graph that gives it. */
import type { onnx } from '../../../generated/onnx.js';
import { type Model, OnnxError, removeUnused, type Value } from '../../onnx/index.js';

type GraphMessage = onnx.GraphProto.$Properties;
type NodeMessage = onnx.NodeProto.$Properties;
type ValueMessage = onnx.ValueInfoProto.$Properties;

/** float32, float16 and float64 of onnx.proto. */
const floats: ReadonlySet<number> = new Set([1, 10, 11]);

/**
 * The graph with one output, and no more nodes and tensors than it needs: that of the name where there is one, or else the
 * first of floating point. Classifiers also give labels, as integers or strings, and scikit-learn's a map for each example
 * (`ZipMap`), of which the tensor of probabilities before it is taken.
 */
export function chooseOutput(graph: GraphMessage, wanted?: string): GraphMessage {
  const producers = new Map(
    (graph.node ?? []).flatMap((node) => (node.output ?? []).map((name) => [name, node] as const)),
  );
  if ((graph.output ?? []).length === 0 && wanted === undefined) {
    throw new OnnxError(
      'onnx/inconsistent',
      `graph ${graph.name ?? ''} has no output; name the value to train`,
    );
  }
  const chosen = named(graph, wanted, producers) ?? firstOfNumbers(graph, producers);
  return chosen === undefined ? graph : pruned({ ...graph, output: [chosen] });
}

function firstOfNumbers(
  graph: GraphMessage,
  producers: ReadonlyMap<string, NodeMessage>,
): ValueMessage | undefined {
  for (const output of graph.output ?? []) {
    const type = output.type?.tensorType;
    if (type?.shape && floats.has(type.elemType ?? 0)) return output;
    // Files need not say what they give.
    if (!output.type || (type && floats.has(type.elemType ?? 0))) return described(graph, output.name ?? '');
    const producer = producers.get(output.name ?? '');
    const [probabilities] = producer?.input ?? [];
    if (producer?.opType === 'ZipMap' && probabilities) return described(graph, probabilities);
  }
  return undefined;
}

function named(
  graph: GraphMessage,
  name: string | undefined,
  producers: ReadonlyMap<string, NodeMessage>,
): ValueMessage | undefined {
  if (name === undefined) return undefined;
  const output = (graph.output ?? []).find((value) => value.name === name);
  return output ?? (producers.has(name) ? described(graph, name) : undefined);
}

/** The part of a model that was read which gives a value. @throws OnnxError `onnx/inconsistent` where nothing has that name */
export function cutAt(model: Model, name: string): Model {
  const { graph } = model;
  if (graph.outputs[0]?.name === name) return model;
  const values = graph.nodes.flatMap(({ outputs }) => outputs);
  if (values.includes(name)) {
    const outputs: readonly Value[] = [{ name, dataType: 'float32', shape: [] }];
    return { ...model, graph: removeUnused({ ...graph, outputs }) };
  }
  throw new OnnxError(
    'onnx/inconsistent',
    `the model has no value named ${JSON.stringify(name)} to train; its last values are ${values.slice(-12).join(', ')}`,
  );
}

/** A value inside the graph as an output. Where its shape is not said, inference tells it later. */
function described(graph: GraphMessage, name: string): ValueMessage {
  const known = (graph.valueInfo ?? []).find((value) => value.name === name);
  return known?.type?.tensorType?.shape
    ? known
    : { name, type: { tensorType: { elemType: 1, shape: { dim: [] } } } };
}

function pruned(graph: GraphMessage): GraphMessage {
  const needed = new Set((graph.output ?? []).map(({ name }) => name ?? ''));
  const nodes: NodeMessage[] = [];
  for (const node of (graph.node ?? []).toReversed()) {
    if (!(node.output ?? []).some((name) => needed.has(name))) continue;
    nodes.push(node);
    for (const name of usedNames(node)) needed.add(name);
  }
  const initializer = (graph.initializer ?? []).filter(({ name }) => needed.has(name ?? ''));
  return { ...graph, node: nodes.reverse(), initializer };
}

function usedNames(node: NodeMessage): readonly string[] {
  const inside = (node.attribute ?? []).flatMap(({ g }) =>
    g ? [...(g.node ?? []).flatMap(usedNames), ...(g.output ?? []).map(({ name }) => name ?? '')] : [],
  );
  return [...(node.input ?? []), ...inside];
}
