/**
 * Loops that training writes: a `Scan` over the steps of a recurrent layer whose outputs are, after the states, what the gradient
 * reads. Other loops have no gradient: nobody knows what they would have to give.
 */
import { graphOfAttribute } from '../onnx/attributes.js';
import type { Graph, Node } from '../onnx/index.js';

/** What the bodies of such loops are called. */
export const loopBodyName = 'recurrent step';

export function isTrainedLoop(node: Node): boolean {
  return node.opType === 'Scan' && graphOfAttribute(node, 'body').name === loopBodyName;
}

/** Names that a body uses and does not compute: its inputs and initializers are its own. */
export function namesOutside({ inputs, initializers, nodes }: Graph): readonly string[] {
  const own = new Set([...inputs.map(({ name }) => name), ...initializers.keys()]);
  for (const { outputs } of nodes) for (const name of outputs) own.add(name);
  const used = new Set(nodes.flatMap((node) => node.inputs));
  return [...used].filter((name) => name !== '' && !own.has(name));
}

/** What a node reads: its inputs, and what a loop's steps use from outside. */
export function readsOf(node: Node): readonly string[] {
  return isTrainedLoop(node)
    ? [...node.inputs, ...namesOutside(graphOfAttribute(node, 'body'))]
    : node.inputs;
}
