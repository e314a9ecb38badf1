import { fail } from '../../fields.js';
import { int, ints } from '../../onnx/index.js';
import type { GlobalAveragePoolLayer, PoolingLayer } from '../definition.js';
import type { LayerType } from './layer-type.js';
import { readSizes, requireChannels, spatialAxes, type Window, windowGeometry } from './windows.js';

function windowOf(layer: PoolingLayer): Window {
  return { ...layer, size: layer.poolSize, dilations: layer.poolSize.map(() => 1) };
}

export const pooling: LayerType<PoolingLayer> = {
  kinds: ['maxPool1d', 'maxPool2d', 'averagePool1d', 'averagePool2d'],
  read(kind, fields) {
    const axes = spatialAxes(kind);
    const twos = Array.from({ length: axes }, () => 2);
    const poolSize = readSizes(fields, 'poolSize', axes, twos);
    return {
      kind,
      poolSize,
      strides: readSizes(fields, 'strides', axes, poolSize),
      padding: fields.oneOf('padding', ['valid', 'same'], 'valid'),
    };
  },
  describe(layer, inputShape, place) {
    requireChannels(spatialAxes(layer.kind), inputShape, place);
    const [channels, ...sizes] = inputShape;
    const { outputSizes } = windowGeometry(windowOf(layer), sizes, place);
    return { outputShape: [channels, ...outputSizes], parameters: [] };
  },
  build(layer, input, _parameters, { builder, inputShape, place }) {
    const { pads } = windowGeometry(windowOf(layer), inputShape.slice(1), place);
    const attributes = {
      kernel_shape: ints(layer.poolSize),
      strides: ints(layer.strides),
      pads: ints(pads),
    };
    return layer.kind.startsWith('max')
      ? builder.op('MaxPool', [input], attributes)
      : builder.op('AveragePool', [input], { ...attributes, count_include_pad: int(0) });
  },
};

/** The mean of each channel. */
export const globalAveragePool: LayerType<GlobalAveragePoolLayer> = {
  kinds: ['globalAveragePool'],
  read: (kind) => ({ kind }),
  describe(_layer, inputShape, place) {
    if (inputShape.length < 2) {
      fail(place, `needs an input with spatial axes after its channels, but gets [${inputShape}]`);
    }
    return { outputShape: [inputShape[0]], parameters: [] };
  },
  build(_layer, input, _parameters, { builder, inputShape }) {
    const axes = inputShape.slice(1).map((_, axis) => axis + 2);
    return builder.op('ReduceMean', [input, builder.ints(axes)], { keepdims: int(0) });
  },
};
