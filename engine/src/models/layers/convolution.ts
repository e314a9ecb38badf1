import { fail } from '../../fields.js';
import { int, ints } from '../../onnx/index.js';
import type { ConvolutionLayer } from '../definition.js';
import { readInitializer } from '../initializers.js';
import type { LayerType } from './layer-type.js';
import { readSizes, requireChannels, spatialAxes, type Window, windowGeometry } from './windows.js';

function windowOf(layer: ConvolutionLayer): Window {
  return { ...layer, size: layer.kernelSize };
}

/** The weight is `[filters, channels / groups, …kernelSize]`. */
export const convolution: LayerType<ConvolutionLayer> = {
  kinds: ['conv1d', 'conv2d'],
  read(kind, fields) {
    const axes = spatialAxes(kind);
    const ones = Array.from({ length: axes }, () => 1);
    return {
      kind,
      filters: fields.integer('filters', 1),
      kernelSize: readSizes(fields, 'kernelSize', axes),
      strides: readSizes(fields, 'strides', axes, ones),
      dilations: readSizes(fields, 'dilations', axes, ones),
      padding: fields.oneOf('padding', ['valid', 'same'], 'valid'),
      groups: fields.integer('groups', 1, 1),
      useBias: fields.boolean('useBias', true),
      kernelInitializer: readInitializer(fields, 'kernelInitializer', { kind: 'glorotUniform' }),
      biasInitializer: readInitializer(fields, 'biasInitializer', { kind: 'zeros' }),
    };
  },
  describe(layer, inputShape, place) {
    requireChannels(spatialAxes(layer.kind), inputShape, place);
    const [channels, ...sizes] = inputShape;
    const { groups, filters } = layer;
    if (channels % groups !== 0 || filters % groups !== 0) {
      fail(
        place,
        `"groups" is ${groups}, which must divide both its ${channels} input channels and its ${filters} filters`,
      );
    }
    const { outputSizes } = windowGeometry(windowOf(layer), sizes, place);
    const area = layer.kernelSize.reduce((product, size) => product * size, 1);
    const fans = { fanIn: (channels / groups) * area, fanOut: filters * area };
    const weight = {
      name: 'weight',
      shape: [filters, channels / groups, ...layer.kernelSize],
      initializer: layer.kernelInitializer,
      fans,
    };
    const bias = { name: 'bias', shape: [filters], initializer: layer.biasInitializer, fans };
    return {
      outputShape: [filters, ...outputSizes],
      parameters: layer.useBias ? [weight, bias] : [weight],
    };
  },
  build(layer, input, parameters, { builder, inputShape, place }) {
    const { pads } = windowGeometry(windowOf(layer), inputShape.slice(1), place);
    return builder.op('Conv', [input, ...parameters], {
      kernel_shape: ints(layer.kernelSize),
      strides: ints(layer.strides),
      dilations: ints(layer.dilations),
      pads: ints(pads),
      group: int(layer.groups),
    });
  },
};
