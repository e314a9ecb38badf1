import { int } from '../../onnx/index.js';
import type { Lowering } from './lowering.js';
import { type Cell, gatesOf, requireUsual, unroll } from './recurrent.js';

/** Hochreiter and Schmidhuber 1997, gates in ONNX's order: input, output, forget, cell. */
const cell: Cell = (b, direction) => {
  let [hidden, memory] = direction.initial;
  return direction.projected.map((_, step) => {
    const gates = gatesOf(b, direction, step, hidden);
    const [i, o, f, c] = b.ops('Split', [gates], 4, { axis: int(1), num_outputs: int(4) });
    const kept = b.op('Mul', [b.op('Sigmoid', [f]), memory]);
    memory = b.op('Add', [kept, b.op('Mul', [b.op('Sigmoid', [i]), b.op('Tanh', [c])])]);
    hidden = b.op('Mul', [b.op('Sigmoid', [o]), b.op('Tanh', [memory])]);
    return [hidden, memory];
  });
};

export const lowerLstm: Lowering = (b, node, inputs) => {
  requireUsual(node, ['Sigmoid', 'Tanh', 'Tanh']);
  return unroll(b, node, inputs, { states: 2, cell });
};
