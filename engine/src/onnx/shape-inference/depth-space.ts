import { intAttribute } from '../attributes.js';
import type { Dimension } from '../graph.js';
import { fail, type InferenceRule, required } from './context.js';

const scaled =
  (
    channels: (count: number, size: number) => number,
    pixels: (count: number, size: number) => number,
  ): InferenceRule =>
  (context) => {
    const { dataType, shape } = required(context, 0);
    const size = intAttribute(context.node, 'blocksize', 0);
    if (shape.length !== 4 || size < 1)
      fail(context, 'takes [batch, channels, height, width] and a blocksize');
    const change = (count: Dimension, apply: (count: number, size: number) => number): Dimension =>
      typeof count === 'number' ? apply(count, size) : fail(context, 'needs known channels and image sizes');
    const [batch, depth, height, width] = shape;
    const sizes = [change(depth, channels), change(height, pixels), change(width, pixels)];
    return [{ dataType, shape: [batch, ...sizes] }];
  };

export const depthToSpace = scaled(
  (count, size) => count / size ** 2,
  (count, size) => count * size,
);
export const spaceToDepth = scaled(
  (count, size) => count * size ** 2,
  (count, size) => count / size,
);
