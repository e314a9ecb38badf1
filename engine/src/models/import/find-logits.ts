import { type Model, type Node, toNumbers } from '../../onnx/index.js';

/** A classifier's scores before they become probabilities, and the loss that takes them. */
export interface Logits {
  readonly output: string;
  readonly loss: 'softmax-cross-entropy' | 'binary-cross-entropy';
}

/** Operators that probabilities go through unchanged. */
const passing: ReadonlySet<string> = new Set(['Cast', 'Identity']);

/**
 * Where a model ends in probabilities: a softmax, a sigmoid, or the two shares 1 - p and p that scikit-learn gives for two
 * classes. Losses take what is before, which trains the same and is exact where probabilities round to 0 and 1.
 */
export function findLogits({ graph }: Model): Logits | undefined {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const producerOf = (name: string | undefined): Node | undefined => producers.get(name ?? '');
  let node = producerOf(graph.outputs[0]?.name);
  while (node !== undefined) {
    const before: Node | undefined = producerOf(node.inputs[0]);
    // Shares of a sum that is 1 already.
    const shares =
      node.opType === 'Div' &&
      before?.opType === 'Softmax' &&
      before.outputs[0] === producerOf(node.inputs[1])?.inputs[0];
    if (!passing.has(node.opType) && !shares) break;
    node = before;
  }
  const [first, second] = node?.inputs ?? [];
  switch (node?.opType) {
    case 'Softmax':
    case 'LogSoftmax':
      return { output: first, loss: 'softmax-cross-entropy' };
    case 'Sigmoid':
      return { output: first, loss: 'binary-cross-entropy' };
    case 'Concat': {
      const [other, sigmoid] = [producerOf(first), producerOf(second)];
      if (other?.opType !== 'Sub' || sigmoid?.opType !== 'Sigmoid' || other.inputs[1] !== second)
        return undefined;
      const one = graph.initializers.get(other.inputs[0]);
      if (one === undefined || toNumbers(one).some((value) => value !== 1)) return undefined;
      return { output: sigmoid.inputs[0], loss: 'binary-cross-entropy' };
    }
    default:
      return undefined;
  }
}
