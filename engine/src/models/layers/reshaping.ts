import { fail } from '../../fields.js';
import type { FlattenLayer, ReshapeLayer } from '../definition.js';
import type { LayerType } from './layer-type.js';

const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

export const flatten: LayerType<FlattenLayer> = {
  kinds: ['flatten'],
  read: (kind) => ({ kind }),
  describe: (_layer, inputShape) => ({ outputShape: [count(inputShape)], parameters: [] }),
  build(_layer, input, _parameters, { builder, inputShape }) {
    return builder.op('Reshape', [input, builder.ints([-1, count(inputShape)])]);
  },
};

export const reshape: LayerType<ReshapeLayer> = {
  kinds: ['reshape'],
  read: (kind, fields) => ({ kind, shape: fields.integers('shape', undefined, 1) }),
  describe(layer, inputShape, place) {
    if (count(layer.shape) !== count(inputShape)) {
      fail(
        place,
        `"shape" [${layer.shape}] has ${count(layer.shape)} elements, but its input [${inputShape}] has ${count(inputShape)}`,
      );
    }
    return { outputShape: layer.shape, parameters: [] };
  },
  build(layer, input, _parameters, { builder }) {
    return builder.op('Reshape', [input, builder.ints([-1, ...layer.shape])]);
  },
};
