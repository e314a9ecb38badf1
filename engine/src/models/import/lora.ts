import { type Model, type Node, type Tensor, tensorOf } from '../../onnx/index.js';
import { randomStream, standardNormal } from '../../random.js';
import { ModelError } from '../errors.js';
import { matches, requireMatches } from './patterns.js';
import type { ParameterTensor } from './trainable-tensors.js';

export interface LoraOptions {
  /** Which weights get an adapter, by name; `*` stands for any characters. */
  readonly targets: readonly string[];
  readonly rank: number;
  /** The adapter is scaled by `alpha / rank`. */
  readonly alpha: number;
}

export interface AdaptedModel {
  readonly model: Model;
  /** The names of the adapters' tensors: what is trained. */
  readonly adapters: readonly string[];
}

/**
 * Hu et al. 2022: a weight `[rows, …]` becomes W + α/r · A·B with A `[rows, r]` and B `[r, …]`. One of them starts
 * as zeros, so that the model starts as it was. A convolution's kernel counts as one matrix of its filters.
 */
export function addLora(
  model: Model,
  parameters: readonly ParameterTensor[],
  { targets, rank, alpha }: LoraOptions,
): AdaptedModel {
  if (!Number.isSafeInteger(rank) || rank < 1) {
    throw new ModelError('model/invalid', `the rank of LoRA must be an integer of at least 1, found ${rank}`);
  }
  const suited = parameters.filter(
    ({ usedBy, tensor }) => ['MatMul', 'Gemm', 'Conv'].includes(usedBy) && tensor.shape.length >= 2,
  );
  requireMatches(
    'LoRA',
    targets,
    suited.map(({ name }) => name),
  );
  const initializers = new Map(model.graph.initializers);
  const renamed = new Map<string, string>();
  const added: Node[] = [];
  const adapters: string[] = [];
  suited
    .filter(({ name }) => matches(name, targets))
    .forEach(({ name, tensor }, index) => {
      const [a, b] = [`${name}.lora_a`, `${name}.lora_b`];
      const rows = tensor.shape[0];
      const columns = tensor.data.length / rows;
      const store = (key: string, stored: Tensor): string => {
        initializers.set(key, stored);
        return key;
      };
      store(a, tensorOf('float32', [rows, rank], new Float64Array(rows * rank)));
      store(b, tensorOf('float32', [rank, columns], normal(rank * columns, index, 1 / Math.sqrt(columns))));
      const factor = store(`${name}/lora_scale`, tensorOf('float32', [], [alpha / rank]));
      const shape = store(`${name}/lora_shape`, tensorOf('int64', [tensor.shape.length], tensor.shape));
      const step = (opType: string, inputs: readonly string[], output: string): string => {
        const node = { name: `${name}/lora_${opType}`, opType, domain: '', inputs, outputs: [output] };
        added.push({ ...node, attributes: {} });
        return output;
      };
      const product = step('MatMul', [a, b], `${name}/lora_product`);
      const scaled = step('Mul', [product, factor], `${name}/lora_scaled`);
      const shaped = step('Reshape', [scaled, shape], `${name}/lora_delta`);
      renamed.set(name, step('Add', [name, shaped], `${name}/adapted`));
      adapters.push(a, b);
    });
  const nodes = model.graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((input) => renamed.get(input) ?? input),
  }));
  return {
    model: { ...model, graph: { ...model.graph, initializers, nodes: [...added, ...nodes] } },
    adapters,
  };
}

function normal(count: number, index: number, deviation: number): Float64Array {
  const next = standardNormal(randomStream(0x10a, index));
  return Float64Array.from({ length: count }, () => deviation * next());
}
