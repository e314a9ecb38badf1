import { dataTypeCode, type GraphBuilder, int, type Value } from '../onnx/index.js';
import type { OptimizerGraph } from './optimizer-graph.js';

export interface AdamSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled from the gradient (Loshchilov & Hutter 2019); 0 is plain Adam. */
  readonly weightDecay: number;
}

/**
 * Adam (Kingma & Ba 2015) and AdamW. With `m ← β₁ m + (1 - β₁) g` and `v ← β₂ v + (1 - β₂) g²` and the bias
 * corrections `c₁ = 1 - β₁ᵗ`, `c₂ = 1 - β₂ᵗ`, a step is `p ← p (1 - lr λ) - lr (m / c₁) / (√(v / c₂) + ε)`.
 *
 * The state holds `m / (1 - β₁)` and `v / (1 - β₂)`, and everything that is the same for all elements is gathered
 * into two numbers a step, computed in double precision outside of the loop: ten operators for each tensor instead
 * of sixteen.
 */
export function adam(settings: AdamSettings): OptimizerGraph {
  const { beta1, beta2, epsilon, weightDecay } = settings;
  return {
    slotNames: ['firstMoment', 'secondMoment'],
    needsStepNumbers: true,
    prepare(builder, { learningRate, stepNumbers }) {
      if (stepNumbers === undefined) throw new TypeError('Adam needs the numbers of the steps');
      const double = (value: number): Value => builder.scalar(value, 'float64');
      const correction = (beta: number): Value =>
        builder.op('Sub', [double(1), builder.op('Pow', [double(beta), stepNumbers])]);
      const rate = builder.op('Cast', [learningRate], { to: int(dataTypeCode('float64')) });
      const root = builder.op('Sqrt', [correction(beta2)]);
      const scaledRate = builder.op('Mul', [rate, double((1 - beta1) / Math.sqrt(1 - beta2))]);
      const size = builder.op('Div', [builder.op('Mul', [scaledRate, root]), correction(beta1)]);
      const offset = builder.op('Mul', [root, double(epsilon / Math.sqrt(1 - beta2))]);
      const decay = builder.op('Mul', [rate, double(weightDecay)]);
      const kept = toFloat(builder, builder.op('Sub', [double(1), decay]));
      return {
        gradientScale: undefined,
        constants: [kept],
        perStep: [toFloat(builder, size), toFloat(builder, offset)],
      };
    },
    update(builder, { parameter, gradient, slots, constants: [kept], perStep: [size, offset] }) {
      const [first, second] = slots;
      const nextFirst = builder.op('Add', [builder.op('Mul', [first, builder.scalar(beta1)]), gradient]);
      const nextSecond = builder.op('Add', [
        builder.op('Mul', [second, builder.scalar(beta2)]),
        builder.op('Mul', [gradient, gradient]),
      ]);
      const spread = builder.op('Add', [builder.op('Sqrt', [nextSecond]), offset]);
      const change = builder.op('Mul', [builder.op('Div', [nextFirst, spread]), size]);
      const decayed = weightDecay === 0 ? parameter : builder.op('Mul', [parameter, kept]);
      return {
        parameter: builder.op('Sub', [decayed, change]),
        slots: [nextFirst, nextSecond],
      };
    },
  };
}

function toFloat(builder: GraphBuilder, value: Value): Value {
  return builder.op('Cast', [value], { to: int(dataTypeCode('float32')) });
}
