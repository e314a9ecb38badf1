/** Rounds values in f32 to what their integers stand for. */
import { type GraphBuilder, int, type Value } from '../onnx/index.js';

export interface RangeValues {
  /** Scalar float32. */
  readonly scale: Value;
  /** Scalar uint8. */
  readonly zeroPoint: Value;
}

/** To uint8 and back; the gradient passes within the range, and none beyond. */
export function fakeQuantizeActivation(
  builder: GraphBuilder,
  value: Value,
  { scale, zeroPoint }: RangeValues,
): Value {
  const integers = builder.op('QuantizeLinear', [value, scale, zeroPoint]);
  return builder.op('DequantizeLinear', [integers, scale, zeroPoint]);
}

/**
 * To int8 and back, a scale for each slice along the axis. Nothing is clipped, so that the gradient is that of the value:
 * `w + stop(rounded - w)`, which costs less than the gradient of the rounding.
 */
export function fakeQuantizeWeight(
  builder: GraphBuilder,
  weight: Value,
  axis: number,
  stopGradient: ((value: Value) => void) | undefined,
): Value {
  const others = weight.shape.flatMap((_, at) => (at === axis ? [] : [at]));
  const largest = builder.op('ReduceMax', [builder.op('Abs', [weight]), builder.ints(others)], {
    keepdims: int(1),
  });
  // A channel of zeros has a scale too.
  const scale = builder.op('Max', [
    builder.op('Mul', [largest, builder.scalar(1 / 127)]),
    builder.scalar(2 ** -100),
  ]);
  // Arithmetic: `QuantizeLinear` along the last axis of a matrix took 20 times as long.
  const levels = builder.op('Round', [builder.op('Div', [weight, scale])]);
  const rounded = builder.op('Mul', [levels, scale]);
  if (stopGradient === undefined) return rounded;
  const change = builder.op('Sub', [rounded, weight]);
  stopGradient(change);
  return builder.op('Add', [weight, change]);
}

/** `[1, 2]`: log2 of minus the least value and of the greatest, each at least 2^-24. */
export function observedRange(builder: GraphBuilder, value: Value): Value {
  const least = builder.op('Neg', [builder.op('ReduceMin', [value], { keepdims: int(0) })]);
  const greatest = builder.op('ReduceMax', [value], { keepdims: int(0) });
  const ends = [least, greatest].map((end) => builder.op('Reshape', [end, builder.ints([1, 1])]));
  const both = builder.op('Concat', ends, { axis: int(1) });
  const logarithms = builder.op('Log', [builder.op('Max', [both, builder.scalar(2 ** -24)])]);
  return builder.op('Mul', [logarithms, builder.scalar(Math.LOG2E)]);
}
