import { float, int, ints, type Value } from '../../../onnx/index.js';
import { invalid } from '../read.js';
import { activate, type Layer, numberIn, requireChannelsLast, requireUsual, sizesIn } from './layer.js';

const sizesOf = (x: Value): readonly number[] => x.shape.slice(1).map(Number);

export const flatten: Layer = ({ b }, [x], config) => {
  requireChannelsLast(config);
  return b.op('Reshape', [x, b.ints([0, sizesOf(x).reduce((product, size) => product * size, 1)])]);
};

export const reshape: Layer = ({ b }, [x], config) => {
  const target = Array.isArray(config.target_shape) ? config.target_shape.map(Number) : [];
  const known = target.filter((size) => size > 0).reduce((product, size) => product * size, 1);
  const total = sizesOf(x).reduce((product, size) => product * size, 1);
  return b.op('Reshape', [x, b.ints([0, ...target.map((size) => (size > 0 ? size : total / known))])]);
};

export const permute: Layer = ({ b }, [x], config) => {
  const axes = Array.isArray(config.dims) ? config.dims.map(Number) : [];
  return b.op('Transpose', [x], { perm: ints([0, ...axes]) });
};

export const zeroPadding: Layer = ({ b }, [x], config) => {
  requireChannelsLast(config);
  const given = config.padding ?? 1;
  const pairs = Array.isArray(given)
    ? given.map((one: unknown) => (Array.isArray(one) ? one.map(Number) : [Number(one), Number(one)]))
    : [0, 1].map(() => [Number(given), Number(given)]);
  return b.op('Pad', [
    x,
    b.ints([0, pairs[0][0], pairs[1][0], 0, 0, pairs[0][1], pairs[1][1], 0]),
    b.scalar(0),
  ]);
};

export const upSampling: Layer = ({ b }, [x], config) => {
  requireChannelsLast(config);
  const factors = sizesIn(config, 'size', 2, 2);
  if (config.interpolation !== undefined && config.interpolation !== 'nearest') {
    throw invalid(`layer ${String(config.name)}: only nearest interpolation is handled`);
  }
  const [height, width, channels] = sizesOf(x);
  const spread = b.op('Expand', [
    b.op('Reshape', [x, b.ints([-1, height, 1, width, 1, channels])]),
    b.ints([1, height, factors[0], width, factors[1], channels]),
  ]);
  return b.op('Reshape', [spread, b.ints([-1, height * factors[0], width * factors[1], channels])]);
};

/** Kept as a node, for a task may switch it on. */
export const dropout: Layer = ({ b }, [x]) => b.op('Dropout', [x]);

export const activation: Layer = ({ b }, [x], config) => activate(b, x, config.activation);

export const relu: Layer = ({ b }, [x], config) => {
  for (const name of ['negative_slope', 'threshold']) requireUsual(config, name, [0]);
  return typeof config.max_value === 'number'
    ? b.op('Clip', [x, b.scalar(0), b.scalar(config.max_value)])
    : b.op('Relu', [x]);
};

export const leakyRelu: Layer = ({ b }, [x], config) => {
  const alpha = numberIn(config, 'alpha', 0.3);
  // Keras 3 calls it so, and TensorFlow.js does not know that.
  requireUsual(config, 'negative_slope', [alpha]);
  return b.op('LeakyRelu', [x], { alpha: float(alpha) });
};

export const elu: Layer = ({ b }, [x], config) =>
  b.op('Elu', [x], { alpha: float(numberIn(config, 'alpha', 1)) });

export const softmax: Layer = ({ b }, [x], config) =>
  b.op('Softmax', [x], { axis: int(numberIn(config, 'axis', -1)) });

/** Any number of inputs of one shape. */
export const merge =
  (opType: string): Layer =>
  ({ b }, inputs) =>
    inputs.reduce((sum, value) => b.op(opType, [sum, value]));

export const average: Layer = ({ b }, inputs) => b.op('Mean', inputs);

export const concatenate: Layer = ({ b }, inputs, config) =>
  b.op('Concat', inputs, { axis: int(numberIn(config, 'axis', -1)) });
