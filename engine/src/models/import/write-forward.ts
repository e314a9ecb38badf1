/** The forward pass of an imported model, in the graph of a plan. */
import { isLooped, lowerings } from '../../autodiff/index.js';
import { dataTypeCode, type GraphBuilder, int, type Model, type Node, type Value } from '../../onnx/index.js';
import { ModelError } from '../errors.js';
import { foldImported } from './fold.js';

/**
 * Unrolled before the forward pass is written, so that training does not compute it natively and unrolled. Over many steps
 * training makes a loop of it, and the rest has the operator itself.
 */
const unrolled: ReadonlySet<string> = new Set(['GRU', 'LSTM', 'RNN']);

/** Adds the nodes that a node of the model stands for. */
export type NodeWriter = (
  node: Node,
  inputs: readonly (Value | undefined)[],
) => readonly (Value | undefined)[];

/** Writes the model's nodes into a graph, under names of their own. */
export function writeForward(
  model: Model,
  builder: GraphBuilder,
  features: Value,
  parameters: ReadonlyMap<string, Value>,
  write: NodeWriter,
): Value {
  const [batch] = features.shape;
  const { graph } = foldImported(model, typeof batch === 'number' ? batch : undefined);
  const values = new Map<string, Value>(parameters);
  const { dataType, name: inputName } = graph.inputs[0];
  // Features travel as float32, also where they are indices of tokens.
  const input =
    dataType === features.dataType
      ? features
      : builder.op('Cast', [features], { to: int(dataTypeCode(dataType)) });
  values.set(inputName, input);
  const resolve = (name: string): Value | undefined => {
    if (name === '') return undefined;
    const known = values.get(name);
    if (known !== undefined) return known;
    const stored = graph.initializers.get(name);
    if (stored === undefined) throw new ModelError('model/invalid', `${name} is used before it is computed`);
    const value = builder.constant(stored, name);
    values.set(name, value);
    return value;
  };
  for (const node of graph.nodes) {
    const outputs = write(node, node.inputs.map(resolve));
    node.outputs.forEach((name, index) => {
      const output = outputs[index];
      if (name !== '' && output !== undefined) values.set(name, output);
    });
  }
  return resolve(graph.outputs[0].name) ?? features;
}

/** Adds a node as it is, or what it is trained by. */
export function writeNode(
  builder: GraphBuilder,
  node: Node,
  inputs: readonly (Value | undefined)[],
): readonly (Value | undefined)[] {
  const isUnrolled = unrolled.has(node.opType) && !isLooped(inputs[0]);
  const lowering = isUnrolled ? lowerings.get(node.opType) : undefined;
  if (lowering !== undefined) return lowering(builder, node, inputs);
  const { name, domain, attributes } = node;
  return builder.ops(node.opType, inputs, node.outputs.length, attributes, { domain, name });
}
