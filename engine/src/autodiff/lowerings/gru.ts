import { intAttribute } from '../../onnx/attributes.js';
import { type GraphBuilder, int, type Node, type Value } from '../../onnx/index.js';
import type { Cell } from './cell.js';
import type { Lowering } from './lowering.js';
import { requireUsual, unroll } from './recurrent.js';

const thirds = (b: GraphBuilder, value: Value, axis: number): readonly Value[] =>
  b.ops('Split', [value], 3, { axis: int(axis), num_outputs: int(3) });

/** Cho et al. 2014, gates in ONNX's order: update, reset, new. */
export function gruCell(node: Node): Cell {
  requireUsual(node, ['Sigmoid', 'Tanh']);
  const linearBeforeReset = intAttribute(node, 'linear_before_reset', 0) !== 0;
  return {
    states: 1,
    joinsBiases: false,
    prepare(outer, recurrent, bias) {
      const weights = linearBeforeReset ? [] : thirds(outer, recurrent, 0);
      const biases = bias && !linearBeforeReset ? thirds(outer, bias, 0) : [];
      return (b, own, [hidden]) => {
        const product = (h: Value, w: Value, c: Value | undefined) =>
          b.op('Gemm', [h, w, c], { transB: int(1) });
        const [xz, xr, xn] = thirds(b, own, 1);
        const [hz, hr, hn] = linearBeforeReset
          ? thirds(b, product(hidden, recurrent, bias), 1)
          : [product(hidden, weights[0], biases[0]), product(hidden, weights[1], biases[1])];
        const update = b.op('Sigmoid', [b.op('Add', [xz, hz])]);
        const reset = b.op('Sigmoid', [b.op('Add', [xr, hr])]);
        const recalled = linearBeforeReset
          ? b.op('Mul', [reset, hn])
          : product(b.op('Mul', [reset, hidden]), weights[2], biases[2]);
        const fresh = b.op('Tanh', [b.op('Add', [xn, recalled])]);
        return [b.op('Add', [fresh, b.op('Mul', [update, b.op('Sub', [hidden, fresh])])])];
      };
    },
  };
}

export const lowerGru: Lowering = (b, node, inputs) => unroll(b, node, inputs, gruCell(node));
