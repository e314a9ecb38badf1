import { dropoutWithSeed } from '../../autodiff/index.js';
import type { DropoutLayer } from '../definition.js';
import type { LayerType } from './layer-type.js';

/** Inverted dropout while training (Srivastava et al. 2014), nothing otherwise. */
export const dropout: LayerType<DropoutLayer> = {
  kinds: ['dropout'],
  read(kind, fields) {
    return {
      kind,
      rate: fields.number('rate', (value) => value >= 0 && value < 1, 'from 0 up to, not including, 1'),
    };
  },
  describe: (_layer, inputShape) => ({ outputShape: inputShape, parameters: [] }),
  build(layer, input, _parameters, { builder, dropoutSeed }) {
    return dropoutSeed === undefined || layer.rate === 0
      ? input
      : dropoutWithSeed(builder, input, layer.rate, dropoutSeed);
  },
};
