import { fail } from '../../fields.js';
import { int } from '../../onnx/index.js';
import type { DenseLayer } from '../definition.js';
import { readInitializer } from '../initializers.js';
import type { LayerType } from './layer-type.js';

/** `input · weightᵀ + bias`, the weight `[units, inputs]` as in PyTorch; decision 026 has why. */
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
      shape: [layer.units, inputs],
      initializer: layer.kernelInitializer,
      fans,
    };
    const bias = { name: 'bias', shape: [layer.units], initializer: layer.biasInitializer, fans };
    return { outputShape: [layer.units], parameters: layer.useBias ? [weight, bias] : [weight] };
  },
  build(_layer, input, parameters, { builder }) {
    return builder.op('Gemm', [input, ...parameters], { transB: int(1) });
  },
};
