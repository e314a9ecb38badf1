import { product } from '../dimensions.js';
import { fail, type InferenceRule, knownInts, required } from './context.js';

/** `Col2Im`: `[batch, channels × block, places]` to `[batch, channels, …sizes]`. */
export const col2Im: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const [sizes, block] = [knownInts(context, 1), knownInts(context, 2)];
  if (sizes === undefined || block === undefined) fail(context, 'its picture and block must be constants');
  const [elements, each] = [shape[1], Number(product(block))];
  if (shape.length !== 3 || typeof elements !== 'number' || elements % each !== 0) {
    fail(context, `takes [batch, channels × ${each}, places]`);
  }
  return [{ dataType, shape: [shape[0], elements / each, ...sizes] }];
};
