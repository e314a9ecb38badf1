import { float, int, type Value } from '../../../onnx/index.js';
import {
  channelsFirst,
  channelsLast,
  type Layer,
  type LayerContext,
  numberIn,
  requireLastAxis,
} from './layer.js';

/** Over the last axis, with the stored statistics. */
export const batchNormalization: Layer = (context, [x], config) => {
  requireLastAxis(config, x.shape.length);
  const { b, weight } = context;
  const mean = weight('moving_mean');
  const inputs = [
    orFilled(context, 'gamma', mean, 1),
    orFilled(context, 'beta', mean, 0),
    mean,
    weight('moving_variance'),
  ];
  const spatial = x.shape.length > 2;
  const normalized = b.op('BatchNormalization', [spatial ? channelsFirst(b, x) : x, ...inputs], {
    epsilon: float(numberIn(config, 'epsilon', 1e-3)),
    momentum: float(numberIn(config, 'momentum', 0.99)),
  });
  return spatial ? channelsLast(b, normalized) : normalized;
};

export const layerNormalization: Layer = ({ b, weight, find }, [x], config) => {
  requireLastAxis(config, x.shape.length);
  return b.op('LayerNormalization', [x, weight('gamma'), find('beta')], {
    axis: int(-1),
    epsilon: float(numberIn(config, 'epsilon', 1e-3)),
  });
};

function orFilled({ b, find }: LayerContext, kind: string, like: Value, value: number): Value {
  return find(kind) ?? b.op('Expand', [b.scalar(value), b.ints(like.shape.map(Number))]);
}
