import { intAttribute } from '../../onnx/attributes.js';
import { type GraphBuilder, int, type Value } from '../../onnx/index.js';
import type { Lowering } from './lowering.js';
import { type Cell, requireUsual, unroll } from './recurrent.js';

const thirds = (b: GraphBuilder, value: Value, axis: number): readonly Value[] =>
  b.ops('Split', [value], 3, { axis: int(axis), num_outputs: int(3) });

/** Cho et al. 2014, gates in ONNX's order: update, reset, new. */
const cell =
  (linearBeforeReset: boolean): Cell =>
  (b, direction) => {
    const { projected, recurrent, recurrentBias } = direction;
    const weights = linearBeforeReset ? [] : thirds(b, recurrent, 0);
    const biases = recurrentBias && !linearBeforeReset ? thirds(b, recurrentBias, 0) : [];
    let [hidden] = direction.initial;
    const product = (h: Value, w: Value, bias: Value | undefined) =>
      b.op('Gemm', [h, w, bias], { transB: int(1) });
    return projected.map((own) => {
      const [xz, xr, xn] = thirds(b, own, 1);
      const [hz, hr, hn] = linearBeforeReset
        ? thirds(b, product(hidden, recurrent, recurrentBias), 1)
        : [product(hidden, weights[0], biases[0]), product(hidden, weights[1], biases[1])];
      const update = b.op('Sigmoid', [b.op('Add', [xz, hz])]);
      const reset = b.op('Sigmoid', [b.op('Add', [xr, hr])]);
      const recalled = linearBeforeReset
        ? b.op('Mul', [reset, hn])
        : product(b.op('Mul', [reset, hidden]), weights[2], biases[2]);
      const fresh = b.op('Tanh', [b.op('Add', [xn, recalled])]);
      hidden = b.op('Add', [fresh, b.op('Mul', [update, b.op('Sub', [hidden, fresh])])]);
      return [hidden];
    });
  };

export const lowerGru: Lowering = (b, node, inputs) => {
  requireUsual(node, ['Sigmoid', 'Tanh']);
  const linearBeforeReset = intAttribute(node, 'linear_before_reset', 0) !== 0;
  return unroll(b, node, inputs, { states: 1, cell: cell(linearBeforeReset) });
};
