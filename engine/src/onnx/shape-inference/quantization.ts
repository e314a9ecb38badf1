import { intAttribute } from '../attributes.js';
import { dataTypeOfCode } from '../data-types.js';
import { type InferenceRule, required } from './context.js';

/** `QuantizeLinear`: integers of the zero point's type, uint8 without one. */
export const quantizeLinear: InferenceRule = (context) => {
  const asked = intAttribute(context.node, 'output_dtype', 0);
  const dataType =
    context.inputs[2]?.dataType ?? (asked === 0 ? 'uint8' : dataTypeOfCode(asked, context.node.name));
  return [{ dataType, shape: required(context, 0).shape }];
};

/** `DequantizeLinear`: numbers of the scale's type. */
export const dequantizeLinear: InferenceRule = (context) => [
  { dataType: required(context, 1).dataType, shape: required(context, 0).shape },
];
