import { fail } from '../../fields.js';
import { elementCount } from '../../onnx/index.js';
import type { FlattenLayer, ReshapeLayer } from '../definition.js';
import type { LayerType } from './layer-type.js';

export const flatten: LayerType<FlattenLayer> = {
  kinds: ['flatten'],
  read: (kind) => ({ kind }),
  describe: (_layer, inputShape) => ({ outputShape: [elementCount(inputShape)], parameters: [] }),
  build(_layer, input, _parameters, { builder, inputShape }) {
    return builder.op('Reshape', [input, builder.ints([-1, elementCount(inputShape)])]);
  },
};

export const reshape: LayerType<ReshapeLayer> = {
  kinds: ['reshape'],
  read: (kind, fields) => ({ kind, shape: fields.integers('shape', undefined, 1) }),
  describe(layer, inputShape, place) {
    if (elementCount(layer.shape) !== elementCount(inputShape)) {
      fail(
        place,
        `"shape" [${layer.shape}] has ${elementCount(layer.shape)} elements, but its input [${inputShape}] has ${elementCount(inputShape)}`,
      );
    }
    return { outputShape: layer.shape, parameters: [] };
  },
  build(layer, input, _parameters, { builder }) {
    return builder.op('Reshape', [input, builder.ints([-1, ...layer.shape])]);
  },
};
