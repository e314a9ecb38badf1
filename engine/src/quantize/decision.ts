/** Which class a row of a model's numbers says. */
import type { Graph, Model } from '../onnx/index.js';
import { QuantizeError } from './errors.js';

/** Give probabilities, which decide at one half. */
const squashing: ReadonlySet<string> = new Set(['HardSigmoid', 'Sigmoid', 'Softmax']);
/** Leave the numbers what they are, to rounding. */
const passing: ReadonlySet<string> = new Set([
  'Cast',
  'DequantizeLinear',
  'Flatten',
  'Identity',
  'QuantizeLinear',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
]);

/**
 * The class that the first output says: the index of its largest number; where there is one number, 1 above one half, as of a sigmoid, or
 * above zero, as of its logit.
 * @throws QuantizeError `quantize/options` where the output has classes for each of several positions
 */
export function classDecision({ graph }: Model): (row: Float32Array) => number {
  const [{ name, shape }] = graph.outputs;
  const several = shape.slice(1).filter((size) => typeof size === 'number' && size > 1);
  if (several.length > 1) {
    throw new QuantizeError(
      'quantize/options',
      `the output ${name} gives [${shape.slice(1)}] for one example, and a class needs one number for each class; let the contract's target be numbers, or export the model with one answer for each example`,
    );
  }
  const threshold = isProbability(graph, name) ? 0.5 : 0;
  return (row) => {
    if (row.length === 1) return row[0] > threshold ? 1 : 0;
    let best = 0;
    for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
    return best;
  };
}

function isProbability({ nodes }: Graph, output: string): boolean {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  let node = producers.get(output);
  while (node !== undefined && passing.has(node.opType)) node = producers.get(node.inputs[0]);
  return node !== undefined && squashing.has(node.opType);
}
