import { intAttribute } from '../../onnx/attributes.js';
import { type Model, type Node, type Tensor, tensorOf } from '../../onnx/index.js';
import { randomStream, standardNormal } from '../../random.js';
import { ModelError } from '../errors.js';

export interface HeadReplacement {
  /** Numbers that the new last layer gives for one example. */
  readonly outputs: number;
  readonly seed: number;
}

export interface HeadedModel {
  readonly model: Model;
  /** The names of its fresh tensors, which are trained whatever else is. */
  readonly fresh: readonly string[];
}

/**
 * Gives the last dense layer another number of outputs, with fresh weights (Glorot and Bengio 2010) and a bias of
 * zeros, as transfer to another set of classes needs.
 * @throws ModelError where the model does not end in a dense layer with a weight of its own
 */
export function replaceHead(model: Model, { outputs, seed }: HeadReplacement): HeadedModel {
  const { graph } = model;
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const initializers = new Map(graph.initializers);
  const put = (name: string, shape: readonly number[], values: Float64Array) =>
    initializers.set(name, tensorOf('float32', shape, values));
  let node = producers.get(graph.outputs[0]?.name ?? '');
  let bias: string | undefined;
  if (node?.opType === 'Add') {
    bias = node.inputs.find((name) => initializers.has(name));
    node = producers.get(node.inputs.find((name) => name !== bias) ?? '');
  }
  const weight = node && weightOf(node, producers, initializers);
  if (node === undefined || weight === undefined) {
    throw new ModelError(
      'model/invalid',
      'the model does not end in a dense layer, so that its head cannot be replaced',
    );
  }
  const { name, tensor, outputsFirst } = weight;
  const uses = graph.nodes.filter(({ inputs }) => inputs.includes(name)).length;
  if (uses > 1)
    throw new ModelError('model/invalid', `the head shares its weight ${name} with another layer`);
  const size = tensor.shape[outputsFirst ? 1 : 0];
  const normal = standardNormal(randomStream(seed, 0));
  const deviation = Math.sqrt(2 / (size + outputs));
  const values = Float64Array.from({ length: size * outputs }, () => deviation * normal());
  put(name, outputsFirst ? [outputs, size] : [size, outputs], values);
  bias ??= node.opType === 'Gemm' ? node.inputs[2] : undefined;
  const fresh = [name];
  if (bias !== undefined && initializers.has(bias)) {
    put(bias, [outputs], new Float64Array(outputs));
    fresh.push(bias);
  }
  return { model: { ...model, graph: { ...graph, initializers } }, fresh };
}

interface HeadWeight {
  readonly name: string;
  readonly tensor: Tensor;
  readonly outputsFirst: boolean;
}

function weightOf(
  node: Node,
  producers: ReadonlyMap<string, Node>,
  initializers: ReadonlyMap<string, Tensor>,
): HeadWeight | undefined {
  if (node.opType !== 'Gemm' && node.opType !== 'MatMul') return undefined;
  const [, given] = node.inputs;
  const producer = producers.get(given);
  const turned = producer?.opType === 'Transpose';
  const name = turned ? producer.inputs[0] : given;
  const tensor = initializers.get(name);
  if (tensor?.shape.length !== 2) return undefined;
  return { name, tensor, outputsFirst: turned !== (intAttribute(node, 'transB', 0) !== 0) };
}
