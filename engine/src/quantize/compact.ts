/**
 * The same graph in fewer bytes: in a model of some ten thousand weights, names are an eighth of its int8 form. Nodes lose
 * theirs, values between them get short ones, and tensors that are equal become one, as those of layers that share a weight are.
 */
import { createHash } from 'node:crypto';
import type { Graph, Model, Node, Tensor } from '../onnx/index.js';

/** What the model is called by from outside stays: names of inputs and outputs, metadata. */
export function compact(model: Model): Model {
  const { graph } = model;
  // A body sees the values around it by their names.
  const hasBodies = graph.nodes.some((node) =>
    Object.values(node.attributes).some(({ kind }) => kind === 'graph'),
  );
  return hasBodies ? model : { ...model, graph: renamed(shared(graph)) };
}

function shared(graph: Graph): Graph {
  const first = new Map<string, string>();
  const sameAs = new Map<string, string>();
  const initializers = new Map<string, Tensor>();
  const given = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  for (const [name, tensor] of graph.initializers) {
    const { dataType, shape, data } = tensor;
    if (!given.has(name)) {
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const key = `${dataType} ${shape.join()} ${createHash('sha256').update(bytes).digest('base64')}`;
      const known = first.get(key);
      if (known !== undefined) {
        sameAs.set(name, known);
        continue;
      }
      first.set(key, name);
    }
    initializers.set(name, tensor);
  }
  return {
    ...graph,
    initializers,
    nodes: graph.nodes.map((node) => withNames(node, (name) => sameAs.get(name) ?? name)),
  };
}

function renamed(graph: Graph): Graph {
  const kept = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  const short = new Map<string, string>();
  let next = 0;
  const nameOf = (name: string): string => {
    // An input that is left out.
    if (name === '' || kept.has(name)) return name;
    const known = short.get(name);
    if (known !== undefined) return known;
    let fresh = (next++).toString(36);
    while (kept.has(fresh)) fresh = (next++).toString(36);
    short.set(name, fresh);
    return fresh;
  };
  return {
    ...graph,
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [nameOf(name), tensor])),
    nodes: graph.nodes.map((node) => ({ ...withNames(node, nameOf), name: '' })),
  };
}

function withNames(node: Node, nameOf: (name: string) => string): Node {
  return { ...node, inputs: node.inputs.map(nameOf), outputs: node.outputs.map(nameOf) };
}
