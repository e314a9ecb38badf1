/** Which tensors of a model become integers, and which of them share a scale. */
import type { Graph, Node } from '../onnx/index.js';
import type { PreparedModel } from './prepare.js';
import { usesOf } from './uses.js';

export interface QuantizationPoints {
  /**
   * Activations that become integers, each with the one whose scale it has: its own name, or that of the tensor that
   * an operator which only moves or picks values took it from. In the order they are computed.
   */
  readonly activations: ReadonlyMap<string, string>;
  /** The layers that are computed in integers, by name. */
  readonly layers: ReadonlySet<string>;
}

/** Give values that they were given: the integers stay what they are. */
const moving: ReadonlySet<string> = new Set([
  'Flatten',
  'Identity',
  'MaxPool',
  'Reshape',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
]);
/** Have an integer form in ONNX Runtime whose inputs and output have scales of their own. */
const joining: ReadonlySet<string> = new Set(['Add', 'Concat']);

/**
 * The points for all layers but those excluded by name. Around a layer that stays f32, tensors do too, unless another
 * layer wants them.
 */
export function quantizationPoints(
  { model, layers, valueNamed }: PreparedModel,
  excluded: ReadonlySet<string> = new Set(),
): QuantizationPoints {
  const { graph } = model;
  const chosen = new Set(layers.flatMap(({ name }) => (excluded.has(name) ? [] : [name])));
  const final = finalOutputs(graph);
  const given = new Set<string>();
  const marked = new Set<string>();
  for (const node of graph.nodes) {
    if (!chosen.has(node.name)) continue;
    marked.add(node.inputs[0]);
    given.add(final(node));
    // A convolution gives integers or is none; a dense layer can give f32.
    if (node.opType === 'Conv') marked.add(final(node));
  }
  const isFloat = (name: string): boolean => name !== '' && valueNamed(name).dataType === 'float32';
  for (let before = -1; before !== marked.size; ) {
    before = marked.size;
    for (const node of graph.nodes) {
      const [source] = node.inputs;
      if (moving.has(node.opType) && marked.has(node.outputs[0]) && isFloat(source)) marked.add(source);
      if (!joining.has(node.opType) || !isFloat(node.outputs[0])) continue;
      if (!node.inputs.every((name) => marked.has(name) || given.has(name))) continue;
      for (const name of [...node.inputs, final(node)]) marked.add(name);
    }
  }
  return { activations: withScales(graph, marked), layers: chosen };
}

/** A `Relu` is part of what comes before it: the range of what it gives says what it does. */
function finalOutputs(graph: Graph): (node: Node) => string {
  const uses = usesOf(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  return ({ outputs: [name] }) => {
    const [user, another] = uses.get(name) ?? [];
    return user?.opType === 'Relu' && another === undefined && !outputs.has(name) ? user.outputs[0] : name;
  };
}

function withScales(graph: Graph, marked: ReadonlySet<string>): ReadonlyMap<string, string> {
  const scales = new Map<string, string>();
  for (const { name } of graph.inputs) if (marked.has(name)) scales.set(name, name);
  for (const { opType, inputs, outputs } of graph.nodes) {
    for (const name of outputs) {
      if (!marked.has(name)) continue;
      scales.set(name, (moving.has(opType) ? scales.get(inputs[0]) : undefined) ?? name);
    }
  }
  return scales;
}

/** The tensors whose ranges a calibration must know, in the order they are computed. */
export function calibratedTensors({ activations }: QuantizationPoints): readonly string[] {
  return [...new Set(activations.values())];
}
