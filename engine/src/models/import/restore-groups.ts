/** Gives the weights of group normalisation their names back. */
import type { Graph, Node } from '../../onnx/index.js';
import { modulePath } from './parameter-names.js';

/** The operators that follow a normalisation of groups, in this order, and what they take. */
const parts = [
  ['Mul', 'weight'],
  ['Add', 'bias'],
] as const;

/**
 * TorchScript's exporter writes a group normalisation as one of instances that are reshaped, whose own weights are ones and zeros;
 * the layer's are stored after it with further axes, under numbers, as if they were constants: `/norm/Mul` takes what is
 * `norm.weight`, and `/norm/Add` what is `norm.bias`.
 */
export function restoreGroups(graph: Graph): Graph {
  const users = new Map(graph.nodes.flatMap((node) => node.inputs.map((name) => [name, node] as const)));
  const userOf = (node: Node | undefined): Node | undefined => users.get(node?.outputs[0] ?? '');
  const renamed = new Map<string, string>();
  for (const node of graph.nodes) {
    if (node.opType !== 'InstanceNormalization') continue;
    const path = modulePath(node.name);
    if (path === undefined) continue;
    let part = userOf(userOf(node));
    for (const [opType, role] of parts) {
      const stored = part?.inputs[1] ?? '';
      if (part?.opType !== opType || modulePath(part.name) !== path || !graph.initializers.has(stored)) break;
      const name = `${path}.${role}`;
      if (/^onnx::/.test(stored) && !graph.initializers.has(name)) renamed.set(stored, name);
      part = userOf(part);
    }
  }
  const rename = (name: string): string => renamed.get(name) ?? name;
  return {
    ...graph,
    initializers: new Map([...graph.initializers].map(([name, stored]) => [rename(name), stored])),
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename) })),
  };
}
