import { intAttribute } from '../attributes.js';
import { fail, type InferenceRule, required } from './context.js';
import { productShape } from './matmul.js';

/** `DynamicQuantizeLinear`: uint8, its scale and its zero point. */
export const dynamicQuantizeLinear: InferenceRule = (context) => [
  { dataType: 'uint8', shape: required(context, 0).shape },
  { dataType: 'float32', shape: [] },
  { dataType: 'uint8', shape: [] },
];

/** `MatMulInteger`: a product of 8-bit matrices in 32 bits. */
export const matMulInteger: InferenceRule = (context) => [
  { dataType: 'int32', shape: productShape(context) },
];

/** `com.microsoft.MatMulNBits`: a product with a matrix of `N` columns whose weights have few bits. */
export const matMulNBits: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const [inputs, columns] = [intAttribute(context.node, 'K', 0), intAttribute(context.node, 'N', 0)];
  const last = shape[shape.length - 1];
  if (typeof last === 'number' && last !== inputs)
    fail(context, `the inner dimensions ${last} and ${inputs} differ`);
  return [{ dataType, shape: [...shape.slice(0, -1), columns] }];
};
