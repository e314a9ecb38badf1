/** The geometry of convolutions and pools: every way of writing padding resolved to numbers. */
import { intAttribute, intsAttribute, stringAttribute } from './attributes.js';
import type { Dimension, Node } from './graph.js';

/** Sizes along each spatial axis. `output` is a name where `input` was one. */
export interface WindowGeometry {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
  readonly output: readonly Dimension[];
}

/**
 * Resolves `auto_pad`, defaults and `ceil_mode` of a Conv, MaxPool or AveragePool over `spatial`.
 * Axes of unknown size keep their explicit padding (SAME padding of an unknown size with stride 1 is known too).
 */
export function windowGeometry(
  node: Node,
  spatial: readonly Dimension[],
  kernel: readonly number[],
): WindowGeometry {
  const strides = intsAttribute(node, 'strides') ?? spatial.map(() => 1);
  const dilations = intsAttribute(node, 'dilations') ?? spatial.map(() => 1);
  const explicit = intsAttribute(node, 'pads') ?? spatial.flatMap(() => [0, 0]);
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET');
  const ceil = intAttribute(node, 'ceil_mode', 0) !== 0;
  const padsBegin: number[] = [];
  const padsEnd: number[] = [];
  const output: Dimension[] = [];
  spatial.forEach((size, axis) => {
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    const stride = strides[axis];
    let begin = autoPad === 'NOTSET' ? explicit[axis] : 0;
    let end = autoPad === 'NOTSET' ? explicit[axis + spatial.length] : 0;
    if (autoPad.startsWith('SAME')) {
      const count = typeof size === 'number' ? Math.ceil(size / stride) : undefined;
      const total =
        typeof size === 'number' && count !== undefined
          ? Math.max(0, (count - 1) * stride + reach - size)
          : reach - 1;
      begin = autoPad === 'SAME_LOWER' ? Math.ceil(total / 2) : Math.floor(total / 2);
      end = total - begin;
    }
    padsBegin.push(begin);
    padsEnd.push(end);
    output.push(
      typeof size === 'number'
        ? outputSize(size, begin, end, reach, stride, ceil)
        : outputName(size, begin + end, reach, stride),
    );
  });
  return { kernel, strides, dilations, padsBegin, padsEnd, output };
}

function outputSize(
  size: number,
  begin: number,
  end: number,
  reach: number,
  stride: number,
  ceil: boolean,
): number {
  const span = (size + begin + end - reach) / stride;
  if (!ceil) return Math.floor(span) + 1;
  const count = Math.ceil(span) + 1;
  // A last window that would start in the padding after the input is dropped.
  return (count - 1) * stride >= size + begin ? count - 1 : count;
}

function outputName(size: string, pads: number, reach: number, stride: number): string {
  if (stride === 1 && pads === reach - 1) return size;
  return `floor((${size}+${pads - reach})/${stride})+1`;
}
