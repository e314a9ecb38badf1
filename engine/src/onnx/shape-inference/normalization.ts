import { intAttribute } from '../attributes.js';
import { checkedAxis, type InferenceRule, required } from './context.js';

/** `LayerNormalization`: also the mean and the inverse standard deviation, of size 1 along the normalised axes. */
export const layerNormalization: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const axis = checkedAxis(context, intAttribute(context.node, 'axis', -1), shape.length);
  const statistics = shape.map((size, index) => (index < axis ? size : 1));
  return [
    { dataType, shape },
    { dataType: 'float32', shape: statistics },
    { dataType: 'float32', shape: statistics },
  ];
};

/** `BatchNormalization`: in training mode also the running mean and variance. */
export const batchNormalization: InferenceRule = (context) => {
  const { dataType, shape } = required(context, 0);
  const [mean, variance] = [required(context, 3), required(context, 4)];
  return [
    { dataType, shape },
    { dataType: mean.dataType, shape: mean.shape },
    { dataType: variance.dataType, shape: variance.shape },
  ];
};
