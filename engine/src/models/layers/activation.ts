import { float, int } from '../../onnx/index.js';
import type { ActivationLayer, SlopedActivationLayer } from '../definition.js';
import type { LayerType } from './layer-type.js';

const operators = {
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  tanh: 'Tanh',
  gelu: 'Gelu',
  softmax: 'Softmax',
} as const;

/** Functions of one element, and softmax over the last axis. */
export const activation: LayerType<ActivationLayer> = {
  kinds: ['relu', 'sigmoid', 'tanh', 'gelu', 'softmax'],
  read: (kind) => ({ kind }),
  describe: (_layer, inputShape) => ({ outputShape: inputShape, parameters: [] }),
  build(layer, input, _parameters, { builder }) {
    return builder.op(operators[layer.kind], [input], layer.kind === 'softmax' ? { axis: int(-1) } : {});
  },
};

export const slopedActivation: LayerType<SlopedActivationLayer> = {
  kinds: ['leakyRelu', 'elu'],
  read(kind, fields) {
    const otherwise = kind === 'elu' ? 1 : 0.01;
    return { kind, alpha: fields.number('alpha', (value) => value >= 0, 'of at least 0', otherwise) };
  },
  describe: (_layer, inputShape) => ({ outputShape: inputShape, parameters: [] }),
  build(layer, input, _parameters, { builder }) {
    const operator = layer.kind === 'elu' ? 'Elu' : 'LeakyRelu';
    return builder.op(operator, [input], { alpha: float(layer.alpha) });
  },
};
