import type { Node } from '../../onnx/index.js';
import { type Lowering, refuse } from './lowering.js';
import { type Cell, gatesOf, unroll } from './recurrent.js';

function activationOf(node: Node): string {
  const named = node.attributes.activations;
  if (named === undefined) return 'Tanh';
  const kinds = named.kind === 'strings' ? new Set(named.value) : new Set<string>();
  const [kind] = kinds;
  if (kinds.size === 1 && (kind === 'Tanh' || kind === 'Relu')) return kind;
  return refuse(node, `its activations are ${[...kinds]}`, 'use Tanh or Relu');
}

/** Elman 1990: h = f(x·Wᵀ + h·Rᵀ + b). */
const cell =
  (activation: string): Cell =>
  (b, direction) => {
    let [hidden] = direction.initial;
    return direction.projected.map((_, step) => {
      hidden = b.op(activation, [gatesOf(b, direction, step, hidden)]);
      return [hidden];
    });
  };

export const lowerRnn: Lowering = (b, node, inputs) =>
  unroll(b, node, inputs, { states: 1, cell: cell(activationOf(node)) });
