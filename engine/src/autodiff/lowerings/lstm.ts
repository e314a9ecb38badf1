import { int, type Node } from '../../onnx/index.js';
import type { Cell } from './cell.js';
import type { Lowering } from './lowering.js';
import { requireUsual, unroll } from './recurrent.js';

/** Hochreiter and Schmidhuber 1997, gates in ONNX's order: input, output, forget, cell. */
export function lstmCell(node: Node): Cell {
  requireUsual(node, ['Sigmoid', 'Tanh', 'Tanh']);
  return {
    states: 2,
    joinsBiases: true,
    prepare:
      (_outer, recurrent) =>
      (b, own, [hidden, memory]) => {
        const gates = b.op('Gemm', [hidden, recurrent, own], { transB: int(1) });
        const [i, o, f, c] = b.ops('Split', [gates], 4, { axis: int(1), num_outputs: int(4) });
        const kept = b.op('Mul', [b.op('Sigmoid', [f]), memory]);
        const next = b.op('Add', [kept, b.op('Mul', [b.op('Sigmoid', [i]), b.op('Tanh', [c])])]);
        return [b.op('Mul', [b.op('Sigmoid', [o]), b.op('Tanh', [next])]), next];
      },
  };
}

export const lowerLstm: Lowering = (b, node, inputs) => unroll(b, node, inputs, lstmCell(node));
