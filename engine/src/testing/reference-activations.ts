import { floatAttribute, stringAttribute } from '../onnx/attributes.js';
import { type Dense, given, type Kernel, unary } from '../onnx/evaluation/index.js';
import type { Node } from '../onnx/index.js';

/** erf by its Taylor series within 3, by a continued fraction beyond: 15 digits, unlike the usual short formulas. */
export function erf(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude > 6) return Math.sign(x);
  if (magnitude < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 100; n++) {
      term *= -(x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (magnitude + fraction);
  const rest = Math.exp(-magnitude * magnitude) / (Math.sqrt(Math.PI) * (magnitude + fraction));
  return Math.sign(x) * (1 - rest);
}

const parametric =
  (apply: (x: number, alpha: number) => number, absent: number): Kernel =>
  (node, inputs) =>
    unary((x) => apply(x, floatAttribute(node, 'alpha', absent)))(node, inputs);

function gelu(node: Node, inputs: readonly (Dense | undefined)[]): readonly Dense[] {
  const approximate = stringAttribute(node, 'approximate', 'none') === 'tanh';
  const exact = (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2));
  const byTanh = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  return unary(approximate ? byTanh : exact)(node, inputs);
}

function clip(node: Node, inputs: readonly (Dense | undefined)[]): readonly Dense[] {
  const low = inputs[1]?.data[0] ?? Number.NEGATIVE_INFINITY;
  const high = inputs[2]?.data[0] ?? Number.POSITIVE_INFINITY;
  return unary((x) => Math.min(high, Math.max(low, x)))(node, inputs);
}

const hardSigmoid: Kernel = (node, inputs) => {
  const [alpha, beta] = [floatAttribute(node, 'alpha', 0.2), floatAttribute(node, 'beta', 0.5)];
  return unary((x) => Math.max(0, Math.min(1, alpha * x + beta)))(node, inputs);
};

export const activationKernels: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['Relu', unary((x) => Math.max(x, 0))],
  ['ThresholdedRelu', parametric((x, alpha) => (x > alpha ? x : 0), 1)],
  ['LeakyRelu', parametric((x, alpha) => (x > 0 ? x : alpha * x), 0.01)],
  ['Elu', parametric((x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)), 1)],
  ['Sigmoid', unary((x) => 1 / (1 + Math.exp(-x)))],
  ['Tanh', unary(Math.tanh)],
  ['Softplus', unary((x) => Math.log1p(Math.exp(x)))],
  ['Erf', unary(erf)],
  ['Sin', unary(Math.sin)],
  ['Cos', unary(Math.cos)],
  ['Acos', unary(Math.acos)],
  ['Acosh', unary(Math.acosh)],
  ['Asin', unary(Math.asin)],
  ['Asinh', unary(Math.asinh)],
  ['Atan', unary(Math.atan)],
  ['Atanh', unary(Math.atanh)],
  ['Cosh', unary(Math.cosh)],
  ['Sinh', unary(Math.sinh)],
  ['Tan', unary(Math.tan)],
  ['Gelu', gelu],
  ['HardSigmoid', hardSigmoid],
  ['Clip', clip],
  ['Dropout', (_node, inputs) => [given(inputs, 0)]],
]);
