import { int, type Node } from '../../onnx/index.js';
import type { Cell } from './cell.js';
import { type Lowering, refuse } from './lowering.js';
import { unroll } from './recurrent.js';

function activationOf(node: Node): string {
  const named = node.attributes.activations;
  if (named === undefined) return 'Tanh';
  const kinds = named.kind === 'strings' ? new Set(named.value) : new Set<string>();
  const [kind] = kinds;
  if (kinds.size === 1 && (kind === 'Tanh' || kind === 'Relu')) return kind;
  return refuse(node, `its activations are ${[...kinds]}`, 'use Tanh or Relu');
}

/** Elman 1990: h = f(x·Wᵀ + h·Rᵀ + b). */
export function rnnCell(node: Node): Cell {
  const activation = activationOf(node);
  return {
    states: 1,
    joinsBiases: true,
    prepare:
      (_outer, recurrent) =>
      (b, own, [hidden]) => [b.op(activation, [b.op('Gemm', [hidden, recurrent, own], { transB: int(1) })])],
  };
}

export const lowerRnn: Lowering = (b, node, inputs) => unroll(b, node, inputs, rnnCell(node));
