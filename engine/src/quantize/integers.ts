/** Tensors as integers: what `QuantizeLinear` makes of them, done ahead. */
import { type Tensor, tensorOf, toNumbers } from '../onnx/index.js';
import type { ValueRange } from './choose-range.js';

/** Scale and zero point of an activation: `real = scale · (integer - zeroPoint)`. */
export interface AffineScale {
  readonly scale: number;
  /** 0 to 255. */
  readonly zeroPoint: number;
}

/** uint8 over the range; 0 is told exactly, as padding and Relu need it. */
export function affineScale({ minimum, maximum }: ValueRange): AffineScale {
  const scale = Math.fround(Math.max((maximum - minimum) / 255, 2 ** -100));
  return { scale, zeroPoint: Math.min(255, Math.max(0, roundHalfEven(-minimum / scale))) };
}

/** A weight in signed integers, one scale for each slice along the axis. */
export interface QuantizedWeight {
  /** int8, shaped as the weight. */
  readonly integers: Tensor;
  /** `[channels]` float32. */
  readonly scales: Float32Array;
  readonly axis: number;
}

/**
 * Symmetric: the largest magnitude of each channel becomes 127 (63 with 7 bits, which processors without VNNI need so
 * that their 16-bit sums of two products do not saturate).
 * @param scalesMin `[channels]`, what each scale is at least: see {@link scalesForBias}
 */
export function quantizeWeight(
  weight: Tensor,
  axis: number,
  bits: 7 | 8 = 8,
  scalesMin?: Float32Array,
): QuantizedWeight {
  const largest = 2 ** (bits - 1) - 1;
  const values = toNumbers(weight);
  const channels = weight.shape[axis];
  const inner = weight.shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const scales = new Float32Array(channels);
  for (let i = 0; i < values.length; i++) {
    const channel = Math.floor(i / inner) % channels;
    scales[channel] = Math.max(scales[channel], Math.abs(values[i]));
  }
  // A channel of zeros is told by any scale.
  for (let channel = 0; channel < channels; channel++) {
    scales[channel] = Math.max(scales[channel] / largest, scalesMin?.[channel] ?? 0) || 1;
  }
  const integers = new Int8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    integers[i] = clamp(
      roundHalfEven(values[i] / scales[Math.floor(i / inner) % channels]),
      -largest,
      largest,
    );
  }
  return { integers: tensorOf('int8', weight.shape, integers), scales, axis };
}

/** The numbers that the integers stand for. */
export function dequantizeWeight({ integers, scales, axis }: QuantizedWeight): Float32Array {
  const inner = integers.shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  return Float32Array.from(
    toNumbers(integers),
    (value, i) => value * scales[Math.floor(i / inner) % scales.length],
  );
}

/** Of the range of int32, which the products need the other half of. */
const biasMax = 2 ** 30;

/**
 * The smallest scale of each channel's weights with which its bias is an int32: a channel whose weights are next to nothing, as one that
 * batch normalisation switched off has, would have a bias of more such units than there are, and lose it. Its weights round to
 * less than the bias can tell apart.
 */
export function scalesForBias(bias: Tensor, inputScale: number, channels: number): Float32Array {
  const values = toNumbers(bias);
  return Float32Array.from(
    { length: channels },
    (_, channel) => Math.abs(values[channel % values.length]) / biasMax / inputScale,
  );
}

/** A bias as int32, in units of the products it is added to. */
export function quantizeBias(bias: Tensor, inputScale: number, weightScales: Float32Array): Tensor {
  const values = toNumbers(bias);
  const integers = Float64Array.from(weightScales, (scale, channel) =>
    clamp(roundHalfEven(values[channel % values.length] / (inputScale * scale)), -(2 ** 31), 2 ** 31 - 1),
  );
  return tensorOf('int32', [weightScales.length], integers);
}

/** Halves go to the even neighbour, as `QuantizeLinear` rounds. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
