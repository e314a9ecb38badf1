import type { GraphBuilder, Value } from '../../onnx/index.js';
import { type GradientRule, input, output, outputGradient } from '../context.js';
import { addScalar, div, mul, scale, sub } from '../expressions.js';

/** The gradient times `slope(x, y)`, or over it. */
const byFactor =
  (slope: (b: GraphBuilder, x: Value, y: Value) => Value): GradientRule =>
  (context) => {
    const { builder: b } = context;
    context.give(0, mul(b, outputGradient(context), slope(b, input(context, 0), output(context))));
  };

const byDivisor =
  (divisor: (b: GraphBuilder, x: Value) => Value): GradientRule =>
  (context) => {
    const { builder: b } = context;
    context.give(0, div(b, outputGradient(context), divisor(b, input(context, 0))));
  };

const square = (b: GraphBuilder, x: Value): Value => mul(b, x, x);
const root = (b: GraphBuilder, x: Value): Value => b.op('Sqrt', [x]);
/** 1 - x² */
const rest = (b: GraphBuilder, x: Value): Value => sub(b, b.scalar(1, x.dataType), square(b, x));

export const sin: GradientRule = byFactor((b, x) => b.op('Cos', [x]));
export const cos: GradientRule = byFactor((b, x) => scale(b, b.op('Sin', [x]), -1));
export const tan: GradientRule = byFactor((b, _x, y) => addScalar(b, square(b, y), 1));
export const asin: GradientRule = byDivisor((b, x) => root(b, rest(b, x)));
export const acos: GradientRule = byDivisor((b, x) => scale(b, root(b, rest(b, x)), -1));
export const atan: GradientRule = byDivisor((b, x) => addScalar(b, square(b, x), 1));
export const sinh: GradientRule = byFactor((b, x) => b.op('Cosh', [x]));
export const cosh: GradientRule = byFactor((b, x) => b.op('Sinh', [x]));
export const asinh: GradientRule = byDivisor((b, x) => root(b, addScalar(b, square(b, x), 1)));
export const acosh: GradientRule = byDivisor((b, x) => root(b, addScalar(b, square(b, x), -1)));
export const atanh: GradientRule = byDivisor(rest);
