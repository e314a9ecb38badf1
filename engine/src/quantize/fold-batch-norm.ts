/** Batch normalisation with stored statistics is a factor and a shift of each channel: the layer before it can have both. */
import { floatAttribute, intAttribute } from '../onnx/attributes.js';
import { type Graph, type Node, type Tensor, tensorOf, toNumbers } from '../onnx/index.js';
import { usesOf } from './uses.js';

/** Folds each normalisation into the convolution or dense layer before it, where nothing else reads that layer. */
export function foldBatchNorm(graph: Graph): Graph {
  const uses = usesOf(graph);
  const initializers = new Map(graph.initializers);
  const producers = new Map(graph.nodes.map((node) => [node.outputs[0], node]));
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const replaced = new Map<Node, Node>();
  const dropped = new Set<Node>();
  for (const norm of graph.nodes) {
    if (norm.opType !== 'BatchNormalization' || intAttribute(norm, 'training_mode', 0) !== 0) continue;
    const layer = producers.get(norm.inputs[0]);
    if (layer === undefined || outputs.has(norm.inputs[0])) continue;
    if ((uses.get(norm.inputs[0]) ?? []).length !== 1) continue;
    const folded = foldInto(layer, norm, initializers);
    if (folded === undefined) continue;
    for (const [name, stored] of folded.initializers) initializers.set(name, stored);
    replaced.set(layer, { ...layer, inputs: folded.inputs, outputs: norm.outputs });
    dropped.add(norm);
  }
  const nodes = graph.nodes.filter((node) => !dropped.has(node)).map((node) => replaced.get(node) ?? node);
  return { ...graph, initializers, nodes };
}

interface Folded {
  readonly inputs: readonly string[];
  readonly initializers: ReadonlyMap<string, Tensor>;
}

function foldInto(layer: Node, norm: Node, stored: ReadonlyMap<string, Tensor>): Folded | undefined {
  const axis = channelAxis(layer);
  const weight = stored.get(layer.inputs[1] ?? '');
  const [scale, shift, mean, variance] = norm.inputs.slice(1, 5).map((name) => stored.get(name));
  if (axis === undefined || weight === undefined) return undefined;
  if (scale === undefined || shift === undefined || mean === undefined || variance === undefined)
    return undefined;
  const biasName = layer.inputs[2] ?? '';
  const bias = stored.get(biasName);
  if (biasName !== '' && bias === undefined) return undefined;
  const epsilon = floatAttribute(norm, 'epsilon', 1e-5);
  const deviations = toNumbers(variance).map((value) => Math.sqrt(value + epsilon));
  const factors = toNumbers(scale).map((value, channel) => value / deviations[channel]);
  const before = bias === undefined ? new Float64Array(factors.length) : toNumbers(bias);
  const [means, shifts] = [toNumbers(mean), toNumbers(shift)];
  const after = factors.map((factor, c) => (before[c % before.length] - means[c]) * factor + shifts[c]);
  const names = [`${norm.outputs[0]}/weight`, `${norm.outputs[0]}/bias`];
  return {
    inputs: [layer.inputs[0], ...names],
    initializers: new Map([
      [names[0], scaledAlong(weight, axis, factors)],
      [names[1], tensorOf('float32', [after.length], after)],
    ]),
  };
}

function channelAxis(layer: Node): number | undefined {
  if (layer.opType === 'Conv') return 0;
  if (layer.opType !== 'Gemm' || 'alpha' in layer.attributes || 'beta' in layer.attributes) return undefined;
  return intAttribute(layer, 'transB', 0) === 0 ? 1 : 0;
}

function scaledAlong(weight: Tensor, axis: number, factors: Float64Array): Tensor {
  const inner = weight.shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const values = toNumbers(weight).map(
    (value, i) => value * factors[Math.floor(i / inner) % weight.shape[axis]],
  );
  return tensorOf('float32', weight.shape, values);
}
