import { fail } from '../../fields.js';
import type { DenseLayer } from '../definition.js';
import { readInitializer } from '../initializers.js';
import type { LayerType } from './layer-type.js';

/** `input · weight + bias`, the weight `[inputs, units]`. */
export const dense: LayerType<DenseLayer> = {
  kinds: ['dense'],
  read(kind, fields) {
    return {
      kind,
      units: fields.integer('units', 1),
      useBias: fields.boolean('useBias', true),
      kernelInitializer: readInitializer(fields, 'kernelInitializer', { kind: 'glorotUniform' }),
      biasInitializer: readInitializer(fields, 'biasInitializer', { kind: 'zeros' }),
    };
  },
  describe(layer, inputShape, place) {
    if (inputShape.length !== 1) {
      fail(place, `needs a flat input, but gets [${inputShape}]; put a "flatten" layer before it`);
    }
    const [inputs] = inputShape;
    const fans = { fanIn: inputs, fanOut: layer.units };
    const weight = {
      name: 'weight',
      shape: [inputs, layer.units],
      initializer: layer.kernelInitializer,
      fans,
    };
    const bias = { name: 'bias', shape: [layer.units], initializer: layer.biasInitializer, fans };
    return { outputShape: [layer.units], parameters: layer.useBias ? [weight, bias] : [weight] };
  },
  build(layer, input, parameters, { builder }) {
    return builder.op(layer.useBias ? 'Gemm' : 'MatMul', [input, ...parameters]);
  },
};
