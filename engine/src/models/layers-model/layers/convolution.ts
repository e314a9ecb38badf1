import { int, ints, string, type Value } from '../../../onnx/index.js';
import { invalid } from '../read.js';
import {
  activate,
  type Config,
  channelsFirst,
  channelsLast,
  type Layer,
  type LayerContext,
  requireChannelsLast,
  requireUsual,
  sizesIn,
} from './layer.js';

/** Convolutions over one or two axes; kernels are `[…sizes, in, out]`. */
export const convolution =
  (axes: number): Layer =>
  (context, [x], config) => {
    requireChannelsLast(config);
    const { b, weight } = context;
    const kernel = weight('kernel');
    const turned = b.op('Transpose', [kernel], {
      perm: ints([axes + 1, axes, ...Array.from({ length: axes }, (_, i) => i)]),
    });
    return finish(context, convolve(context, channelsFirst(b, x), turned, config, axes, 1), config);
  };

/** Kernels are `[height, width, in, multiplier]`: each input channel has filters of its own. */
export const depthwise: Layer = (context, [x], config) => {
  requireChannelsLast(config);
  return finish(context, depthwiseProduct(context, channelsFirst(context.b, x), config), config);
};

export const separable: Layer = (context, [x], config) => {
  requireChannelsLast(config);
  const { b, weight } = context;
  const rows = depthwiseProduct(context, channelsFirst(b, x), config);
  const turned = b.op('Transpose', [weight('pointwise_kernel')], { perm: ints([3, 2, 0, 1]) });
  return finish(context, b.op('Conv', [rows, turned]), config);
};

function depthwiseProduct(context: LayerContext, x: Value, config: Config): Value {
  const { b, weight } = context;
  const kernel = weight('depthwise_kernel');
  const [height, width, channels, multiplier] = kernel.shape.map(Number);
  const turned = b.op('Reshape', [
    b.op('Transpose', [kernel], { perm: ints([2, 3, 0, 1]) }),
    b.ints([channels * multiplier, 1, height, width]),
  ]);
  return convolve(context, x, turned, config, 2, channels);
}

function convolve(
  { b }: LayerContext,
  x: Value,
  kernel: Value,
  config: Config,
  axes: number,
  groups: number,
): Value {
  const padding = String(config.padding ?? 'valid').toLowerCase();
  const dilations = sizesIn(config, 'dilation_rate', axes, 1);
  const attributes = {
    strides: ints(sizesIn(config, 'strides', axes, 1)),
    dilations: ints(dilations),
    group: int(groups),
  };
  switch (padding) {
    case 'valid':
      return b.op('Conv', [x, kernel], attributes);
    case 'same':
      return b.op('Conv', [x, kernel], {
        ...attributes,
        ...samePads(x, kernel, attributes.strides.kind === 'ints' ? attributes.strides.value : [], dilations),
      });
    case 'causal':
      return b.op('Conv', [x, kernel], {
        ...attributes,
        pads: ints([(Number(kernel.shape[2]) - 1) * dilations[0], 0]),
      });
    default:
      throw invalid(
        `layer ${String(config.name)}: padding ${padding} is not known; use valid, same or causal`,
      );
  }
}

/** TensorFlow pads so that the output has `⌈size / stride⌉`, the odd one at the end. */
function samePads(x: Value, kernel: Value, strides: readonly number[], dilations: readonly number[]) {
  const totals = x.shape.slice(2).map((size, axis) => {
    const reach = (Number(kernel.shape[axis + 2]) - 1) * dilations[axis] + 1;
    return Math.max(0, (Math.ceil(Number(size) / strides[axis]) - 1) * strides[axis] + reach - Number(size));
  });
  return {
    pads: ints([
      ...totals.map((total) => Math.floor(total / 2)),
      ...totals.map((total) => Math.ceil(total / 2)),
    ]),
  };
}

function finish({ b, weight }: LayerContext, x: Value, config: Config): Value {
  const bias = config.use_bias === false ? undefined : weight('bias');
  const last = channelsLast(b, x);
  return activate(b, bias === undefined ? last : b.op('Add', [last, bias]), config.activation);
}

export const pooling =
  (opType: 'MaxPool' | 'AveragePool', axes: number): Layer =>
  ({ b }, [x], config) => {
    requireChannelsLast(config);
    const kernel = sizesIn(config, 'pool_size', axes, 2);
    const strides =
      config.strides === undefined || config.strides === null ? kernel : sizesIn(config, 'strides', axes, 2);
    const same = String(config.padding ?? 'valid').toLowerCase() === 'same';
    const pooled = b.op(opType, [channelsFirst(b, x)], {
      kernel_shape: ints(kernel),
      strides: ints(strides),
      ...(same ? { auto_pad: string('SAME_UPPER') } : {}),
    });
    return channelsLast(b, pooled);
  };

export const globalPooling =
  (opType: 'ReduceMean' | 'ReduceMax'): Layer =>
  ({ b }, [x], config) => {
    requireChannelsLast(config);
    requireUsual(config, 'keepdims', [false]);
    return b.op(opType, [x, b.ints(Array.from({ length: x.shape.length - 2 }, (_, i) => i + 1))], {
      keepdims: int(0),
    });
  };
