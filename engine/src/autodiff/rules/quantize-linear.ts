import { intAttribute } from '../../onnx/attributes.js';
import { dataTypeCode } from '../../onnx/data-types.js';
import { int, type Value } from '../../onnx/index.js';
import { type GradientContext, type GradientRule, input, outputGradient, unsupported } from '../context.js';
import { addScalar, div, mul, reshape, scale, sub } from '../expressions.js';

const ranges: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
};

/**
 * Straight-through (Bengio et al. 2013): rounding counts as the identity, so that a gradient passes where the
 * value lies in the range that integers can say, and stops where it was clipped.
 */
export const quantizeLinear: GradientRule = (context) => {
  const { builder: b } = context;
  const x = input(context, 0);
  const stored = context.outputs[0]?.dataType ?? 'uint8';
  const range = ranges[stored];
  if (range === undefined) unsupported(context, `it gives ${stored}`, 'quantize to 8 or 16 bits');
  const zero = context.inputs[2];
  const ratio = div(b, x, alongAxis(context, input(context, 1)));
  const asFloat = (value: Value) => b.op('Cast', [value], { to: int(dataTypeCode(x.dataType)) });
  const shifted = zero === undefined ? ratio : b.op('Add', [ratio, alongAxis(context, asFloat(zero))]);
  const middle = (range[0] + range[1]) / 2;
  const distance = b.op('Abs', [addScalar(b, shifted, -middle)]);
  const reach = b.scalar((range[1] - range[0]) / 2 + 0.5, x.dataType);
  // 1 within reach, 0 beyond.
  const within = scale(b, addScalar(b, b.op('Sign', [sub(b, reach, distance)]), 1), 0.5);
  const passed = mul(b, outputGradient(context), within);
  context.give(0, passed);
  if (context.needs(1)) context.give(1, b.op('Neg', [sumOverSlices(context, mul(b, passed, ratio))]));
};

/**
 * What the integers stand for has the gradient. A scale that is learned has that of Esser et al. 2020 (arXiv 1902.08153):
 * the integer from here, minus the value in units of the scale from `QuantizeLinear`.
 */
export const dequantizeLinear: GradientRule = (context) => {
  const { builder: b } = context;
  const gradient = outputGradient(context);
  context.give(0, gradient);
  if (!context.needs(1)) return;
  const asFloat = (value: Value) => b.op('Cast', [value], { to: int(dataTypeCode(gradient.dataType)) });
  const integers = asFloat(input(context, 0));
  const zero = context.inputs[2];
  const steps = zero === undefined ? integers : sub(b, integers, alongAxis(context, asFloat(zero)));
  context.give(1, sumOverSlices(context, mul(b, gradient, steps)));
};

/** One sum for each scale, shaped like the scales. */
function sumOverSlices(context: GradientContext, values: Value): Value {
  const { builder: b, node } = context;
  const scale = input(context, 1);
  const rank = values.shape.length;
  if (scale.shape.length === 0 || scale.shape[0] === 1) {
    return reshape(
      b,
      b.op('ReduceSum', [values], { keepdims: int(0) }),
      scale.shape.map(() => 1),
    );
  }
  const axis = intAttribute(node, 'axis', 1);
  const at = axis < 0 ? axis + rank : axis;
  const others = values.shape.flatMap((_, i) => (i === at ? [] : [i]));
  return b.op('ReduceSum', [values, b.ints(others)], { keepdims: int(0) });
}

/** A scale for each slice along the axis, shaped to broadcast. */
function alongAxis(context: GradientContext, value: Value): Value {
  const { builder: b, node } = context;
  const rank = input(context, 0).shape.length;
  if (value.shape.length !== 1 || rank === 0) return value;
  if (intAttribute(node, 'block_size', 0) !== 0) {
    unsupported(context, 'it quantizes in blocks', 'quantize by tensor or by axis');
  }
  const axis = intAttribute(node, 'axis', 1);
  const at = axis < 0 ? axis + rank : axis;
  const shape = Array.from({ length: rank }, (_, i) => (i === at ? value.shape[0] : 1));
  return value.shape[0] === 1 ? value : reshape(b, value, shape);
}
