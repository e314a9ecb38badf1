/**
 * Magnitude pruning: the smallest weights become zero. Runtimes compute zeros as they compute anything, so that what is
 * saved is only what a compressed file takes; {@link Sparsity} says how many there are, not how much faster it is.
 */
import { gzipSync } from 'node:zlib';
import { type Model, type Tensor, tensorOf, toNumbers } from '../onnx/index.js';
import { QuantizeError } from './errors.js';
import type { PreparedModel } from './prepare.js';

export interface Sparsity {
  readonly weights: number;
  readonly zeros: number;
}

/**
 * Sets the share `sparsity` of each layer's weights to zero, the smallest by magnitude.
 * @throws QuantizeError `quantize/options` where the share is not from 0 to below 1
 */
export function prune(prepared: PreparedModel, sparsity: number): PreparedModel {
  if (!(sparsity >= 0 && sparsity < 1)) {
    throw new QuantizeError('quantize/options', `a sparsity is a share from 0 to below 1, found ${sparsity}`);
  }
  const initializers = new Map(prepared.model.graph.initializers);
  const layers = prepared.layers.map((layer) => {
    const weight = pruned(layer.weight, sparsity);
    initializers.set(layer.node.inputs[1], weight);
    return { ...layer, weight };
  });
  const model: Model = { ...prepared.model, graph: { ...prepared.model.graph, initializers } };
  return { ...prepared, model, layers };
}

function pruned(weight: Tensor, sparsity: number): Tensor {
  const values = toNumbers(weight);
  const order = Uint32Array.from(values, (_, index) => index);
  order.sort((a, b) => Math.abs(values[a]) - Math.abs(values[b]) || a - b);
  for (const index of order.subarray(0, Math.round(sparsity * values.length))) values[index] = 0;
  return tensorOf('float32', weight.shape, values);
}

/** Counts the zeros among the weights of the layers. */
export function sparsityOf({ layers }: Pick<PreparedModel, 'layers'>): Sparsity {
  let [weights, zeros] = [0, 0];
  for (const { weight } of layers) {
    weights += weight.data.length;
    zeros += toNumbers(weight).filter((value) => value === 0).length;
  }
  return { weights, zeros };
}

/** What a model takes as a compressed file, in bytes: where zeros pay. */
export function compressedBytes(model: Uint8Array): number {
  return gzipSync(model).length;
}
