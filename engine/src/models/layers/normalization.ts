import { fail } from '../../fields.js';
import { float, groupNormalization, int } from '../../onnx/index.js';
import type { GroupNormLayer, LayerNormLayer } from '../definition.js';
import type { LayerType, ParameterSpec } from './layer-type.js';

function scaleAndShift(size: number): readonly ParameterSpec[] {
  const fans = { fanIn: size, fanOut: size };
  return [
    { name: 'weight', shape: [size], initializer: { kind: 'ones' }, fans },
    { name: 'bias', shape: [size], initializer: { kind: 'zeros' }, fans },
  ];
}

export const layerNorm: LayerType<LayerNormLayer> = {
  kinds: ['layerNorm'],
  read(kind, fields) {
    return { kind, epsilon: fields.number('epsilon', (value) => value > 0, 'above 0', 1e-5) };
  },
  describe(_layer, inputShape) {
    return { outputShape: inputShape, parameters: scaleAndShift(inputShape[inputShape.length - 1]) };
  },
  build(layer, input, parameters, { builder }) {
    return builder.op('LayerNormalization', [input, ...parameters], {
      axis: int(-1),
      epsilon: float(layer.epsilon),
    });
  },
};

export const groupNorm: LayerType<GroupNormLayer> = {
  kinds: ['groupNorm'],
  read(kind, fields) {
    return {
      kind,
      groups: fields.integer('groups', 1),
      epsilon: fields.number('epsilon', (value) => value > 0, 'above 0', 1e-5),
    };
  },
  describe(layer, inputShape, place) {
    if (inputShape.length < 2 || inputShape[0] % layer.groups !== 0) {
      fail(
        place,
        `needs an input [channels, …] whose channels "groups" (${layer.groups}) divides, but gets [${inputShape}]`,
      );
    }
    return { outputShape: inputShape, parameters: scaleAndShift(inputShape[0]) };
  },
  build({ groups, epsilon }, input, [weight, bias], { builder }) {
    return groupNormalization(builder, input, weight, bias, { groups, epsilon });
  },
};
