import type { Graph, Node } from '../onnx/index.js';

/** The nodes that read each value. */
export function usesOf(graph: Graph): ReadonlyMap<string, readonly Node[]> {
  const uses = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const name of new Set(node.inputs)) {
      const known = uses.get(name);
      if (known === undefined) uses.set(name, [node]);
      else known.push(node);
    }
  }
  return uses;
}
