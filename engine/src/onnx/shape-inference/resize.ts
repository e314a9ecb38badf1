import { intsAttribute } from '../attributes.js';
import { toNumbers } from '../tensors.js';
import { checkedAxis, fail, type InferenceRule, required } from './context.js';

/** `Resize` to sizes, or by factors, of which each size takes the whole part. */
export const resize: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const axes = (intsAttribute(context.node, 'axes') ?? shape.map((_, axis) => axis)).map((axis) =>
    checkedAxis(context, axis, shape.length),
  );
  const stored = context.inputs[2] === undefined ? undefined : context.constant(2);
  const factors = stored && stored.data.length > 0 ? toNumbers(stored) : undefined;
  const sizes = factors === undefined && context.inputs[3] ? context.contents(3) : undefined;
  if ((factors ?? sizes)?.length !== axes.length) fail(context, 'its scales or sizes must be constants');
  const result = [...shape];
  axes.forEach((axis, i) => {
    const size = shape[axis];
    if (sizes !== undefined) result[axis] = sizes[i];
    else if (factors?.[i] !== 1) {
      if (typeof size !== 'number') fail(context, `the size of axis ${axis} must be known`);
      result[axis] = Math.floor(size * (factors?.[i] ?? 1));
    }
  });
  return [{ dataType, shape: result }];
};

/** `GridSample`: the batch and channels of what is sampled, at the grid's places. */
export const gridSample: InferenceRule = (context) => {
  const [{ dataType, shape }, grid] = [required(context, 0), required(context, 1)];
  if (grid.shape.length !== shape.length || grid.shape.at(-1) !== shape.length - 2) {
    fail(
      context,
      `a grid [${grid.shape}] has no place in [${shape}]; its last axis holds one coordinate for each`,
    );
  }
  return [{ dataType, shape: [...shape.slice(0, 2), ...grid.shape.slice(1, -1)] }];
};

/** `AffineGrid`: a place for each element of a picture of that size, `[batch, channels, …sizes]`. */
export const affineGrid: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const size = context.contents(1) ?? fail(context, 'the size of its picture must be known');
  const axes = size.length - 2;
  if (shape.length !== 3 || shape[1] !== axes || shape[2] !== axes + 1) {
    fail(context, `takes a map [batch, ${axes}, ${axes + 1}] for a picture [${size}]`);
  }
  return [{ dataType, shape: [shape[0], ...size.slice(2), axes] }];
};
