/** Group normalisation from operators that ONNX Runtime has kernels for. */
import { float, int } from './attributes.js';
import type { GraphBuilder } from './builder.js';
import { OnnxError } from './errors.js';
import type { Value } from './graph.js';
import { elementCount, tensorOf } from './tensors.js';

export interface GroupNormalizationOptions {
  readonly groups: number;
  readonly epsilon: number;
}

/**
 * Wu and He 2018: normalises each group of channels of `x`, `[batch, channels, …]`, to mean 0 and variance 1, then
 * scales and shifts each channel by `weight` and `bias`, both `[channels]`.
 *
 * The operator of that name is not used: before opset 21 its scale is per group, which is not what the paper or
 * any framework does, and ONNX Runtime only expands it into many nodes. As a `LayerNormalization` over each group
 * it is one kernel, and that one also gives the statistics its gradient needs.
 */
export function groupNormalization(
  builder: GraphBuilder,
  x: Value,
  weight: Value,
  bias: Value,
  { groups, epsilon }: GroupNormalizationOptions,
): Value {
  const sizes = x.shape.slice(1).filter((size) => typeof size === 'number');
  const channels = sizes[0];
  if (sizes.length !== x.shape.length - 1 || channels === undefined || channels % groups !== 0) {
    throw new OnnxError(
      'onnx/shape',
      `group normalisation takes [batch, channels, …] of known sizes with channels divisible by ${groups}, not [${x.shape}]`,
    );
  }
  const size = elementCount(sizes) / groups;
  const ones = builder.constant(tensorOf('float32', [size], new Array(size).fill(1)), 'ones');
  // The 0 keeps the batch as it is, whatever its size.
  const grouped = builder.op('Reshape', [x, builder.ints([0, groups, size])]);
  const normalized = builder.op('LayerNormalization', [grouped, ones], {
    axis: int(-1),
    epsilon: float(epsilon),
  });
  const perChannel = builder.ints([channels, ...sizes.slice(1).map(() => 1)]);
  const scaled = builder.op('Mul', [
    builder.op('Reshape', [normalized, builder.ints([0, ...sizes])]),
    builder.op('Reshape', [weight, perChannel]),
  ]);
  return builder.op('Add', [scaled, builder.op('Reshape', [bias, perChannel])]);
}
