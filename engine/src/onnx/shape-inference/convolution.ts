import { intAttribute, intsAttribute, stringAttribute } from '../attributes.js';
import { formatShape, isStatic } from '../dimensions.js';
import type { Dimension } from '../graph.js';
import { windowGeometry } from '../window-geometry.js';
import { fail, type InferenceContext, type InferenceRule, required, sameTypes } from './context.js';

/** `Conv`: `[N, C, …]` with weights `[M, C/group, …]` gives `[N, M, …]`. */
export const conv: InferenceRule = (context) => {
  const [x, w] = [required(context, 0), required(context, 1)];
  if (x.shape.length < 3 || x.shape.length !== w.shape.length) {
    fail(context, 'a convolution takes [batch, channels, …] and weights of the same rank');
  }
  const weights = known(context, w.shape);
  sameTypes(context, [0, 1]);
  checkedWindow(context, weights.slice(2));
  const group = intAttribute(context.node, 'group', 1);
  const channels = x.shape[1];
  if (typeof channels === 'number' && channels !== weights[1] * group) {
    fail(context, `${channels} channels do not fit weights for ${weights[1]} × ${group} groups`);
  }
  fittingBias(context, weights[0]);
  const { output } = windowGeometry(context.node, x.shape.slice(2), weights.slice(2));
  positive(context, output);
  return [{ dataType: x.dataType, shape: [x.shape[0], weights[0], ...output] }];
};

function fittingBias(context: InferenceContext, channels: number): void {
  const bias = context.inputs[2]?.shape;
  if (bias === undefined || (bias.length === 1 && (bias[0] === channels || typeof bias[0] !== 'number')))
    return;
  fail(
    context,
    `a bias of shape ${formatShape(bias)} does not fit ${channels} output channels; mend the layer, and export the model again`,
  );
}

/** `ConvTranspose`: the inverse of `Conv` in shapes; weights are `[C, M/group, …]`. */
export const convTranspose: InferenceRule = (context) => {
  const [x, w] = [required(context, 0), required(context, 1)];
  const { node } = context;
  const spatial = known(context, x.shape.slice(2));
  const weights = known(context, w.shape);
  const kernel = weights.slice(2);
  sameTypes(context, [0, 1]);
  checkedWindow(context, kernel);
  const strides = intsAttribute(node, 'strides') ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, 'dilations') ?? kernel.map(() => 1);
  const pads = intsAttribute(node, 'pads') ?? kernel.flatMap(() => [0, 0]);
  const outputPadding = intsAttribute(node, 'output_padding') ?? kernel.map(() => 0);
  const asked = intsAttribute(node, 'output_shape');
  const same = stringAttribute(node, 'auto_pad', 'NOTSET').startsWith('SAME');
  const output = spatial.map((size, axis) => {
    if (asked !== undefined) return asked[asked.length - spatial.length + axis];
    if (same) return size * strides[axis];
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    const padding = pads[axis] + pads[axis + kernel.length];
    return (size - 1) * strides[axis] + outputPadding[axis] + reach - padding;
  });
  positive(context, output);
  const channels = weights[1] * intAttribute(node, 'group', 1);
  fittingBias(context, channels);
  return [{ dataType: x.dataType, shape: [x.shape[0], channels, ...output] }];
};

/** What moves a window must say so for each axis, and move it forward. */
function checkedWindow(context: InferenceContext, kernel: readonly number[]): void {
  const atLeast = (name: string, least: number, count: number): void => {
    const given = name === 'kernel' ? kernel : intsAttribute(context.node, name);
    if (given === undefined || (given.length === count && given.every((one) => one >= least))) return;
    fail(context, `${name} [${given}] must be ${count} numbers of at least ${least}`);
  };
  atLeast('kernel', 1, kernel.length);
  atLeast('kernel_shape', 1, kernel.length);
  atLeast('strides', 1, kernel.length);
  atLeast('dilations', 1, kernel.length);
  atLeast('pads', 0, 2 * kernel.length);
}

/** Sizes that must be numbers for the output to be told. */
function known(context: InferenceContext, shape: readonly Dimension[]): readonly number[] {
  return isStatic(shape) ? shape : fail(context, 'needs known channels and spatial sizes');
}

function positive(context: InferenceContext, output: readonly (number | string)[]): void {
  if (output.some((size) => typeof size === 'number' && size < 1)) {
    fail(context, `the window is larger than its padded input, the output would be [${output}]`);
  }
}

/** `MaxPool` (with the indices as second output) and `AveragePool`. */
export const pool: InferenceRule = (context) => {
  const x = required(context, 0);
  const kernel = intsAttribute(context.node, 'kernel_shape') ?? fail(context, 'kernel_shape is missing');
  if (kernel.length !== x.shape.length - 2) fail(context, `a window of rank ${kernel.length} does not fit`);
  checkedWindow(context, kernel);
  const { output } = windowGeometry(context.node, x.shape.slice(2), kernel);
  positive(context, output);
  const shape = [x.shape[0], x.shape[1], ...output];
  return [
    { dataType: x.dataType, shape },
    { dataType: 'int64', shape },
  ];
};

export const globalPool: InferenceRule = (context) => {
  const x = required(context, 0);
  if (x.shape.length < 3) fail(context, 'pooling takes [batch, channels, …]');
  return [{ dataType: x.dataType, shape: [x.shape[0], x.shape[1], ...x.shape.slice(2).map(() => 1)] }];
};

/** `MaxUnpool`: the shape is its third input, or what strides and kernel imply. */
export const maxUnpool: InferenceRule = (context) => {
  const x = required(context, 0);
  const asked = context.contents(2);
  if (asked !== undefined) return [{ dataType: x.dataType, shape: asked }];
  const kernel = intsAttribute(context.node, 'kernel_shape') ?? fail(context, 'kernel_shape is missing');
  const strides = intsAttribute(context.node, 'strides') ?? kernel.map(() => 1);
  const pads = intsAttribute(context.node, 'pads') ?? kernel.flatMap(() => [0, 0]);
  const spatial = known(context, x.shape.slice(2));
  const output = spatial.map(
    (size, axis) => (size - 1) * strides[axis] - pads[axis] - pads[axis + kernel.length] + kernel[axis],
  );
  return [{ dataType: x.dataType, shape: [x.shape[0], x.shape[1], ...output] }];
};
