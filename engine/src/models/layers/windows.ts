/** Windows that slide over spatial axes: what convolution and pooling share. */

import { type Fields, fail, type Place } from '../../fields.js';
import type { Padding } from '../definition.js';

export interface Window {
  readonly size: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: Padding;
}

/** Number of spatial axes, from the last two letters of the layer's kind (`conv2d`). */
export function spatialAxes(kind: string): number {
  return kind.endsWith('1d') ? 1 : 2;
}

/** One number for all axes, or a list with one for each. */
export function readSizes(
  fields: Fields,
  name: string,
  axes: number,
  otherwise?: readonly number[],
): readonly number[] {
  return typeof fields.raw(name) === 'number'
    ? Array.from({ length: axes }, () => fields.integer(name, 1))
    : fields.integers(name, axes, 1, otherwise);
}

export interface WindowGeometry {
  readonly outputSizes: readonly number[];
  /** As ONNX has them: all beginnings, then all ends. */
  readonly pads: readonly number[];
}

/**
 * Output sizes and padding of a window over `sizes`. `same` gives `ceil(size / stride)` outputs with the odd
 * element of padding at the end, as TensorFlow and ONNX's `SAME_UPPER` do.
 */
export function windowGeometry(window: Window, sizes: readonly number[], place: Place): WindowGeometry {
  const begins: number[] = [];
  const ends: number[] = [];
  const outputSizes = sizes.map((size, axis) => {
    const reach = (window.size[axis] - 1) * window.dilations[axis] + 1;
    const stride = window.strides[axis];
    if (window.padding === 'same') {
      const count = Math.ceil(size / stride);
      const total = Math.max(0, (count - 1) * stride + reach - size);
      begins.push(Math.floor(total / 2));
      ends.push(total - Math.floor(total / 2));
      return count;
    }
    if (reach > size) {
      fail(
        place,
        `its window reaches over ${reach} elements, but axis ${axis + 1} of its input has only ${size}; use a smaller window or "padding": "same"`,
      );
    }
    begins.push(0);
    ends.push(0);
    return Math.floor((size - reach) / stride) + 1;
  });
  return { outputSizes, pads: [...begins, ...ends] };
}

/** Refuses an input that is not `[channels, …spatial axes]`. */
export function requireChannels(axes: number, inputShape: readonly number[], place: Place): void {
  if (inputShape.length !== axes + 1) {
    const wanted = axes === 1 ? '[channels, length]' : '[channels, height, width]';
    fail(
      place,
      `needs an input of shape ${wanted}, but gets [${inputShape}]; put a "reshape" layer before it`,
    );
  }
}
