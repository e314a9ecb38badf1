import { floatAttribute, intAttribute } from '../../onnx/attributes.js';
import type { Value } from '../../onnx/index.js';
import { type GradientContext, type GradientRule, input, outputGradient, unsupported } from '../context.js';
import { addScalar, mul, reduceMean, reduceSum, reshape, sub } from '../expressions.js';

/**
 * Ioffe and Szegedy 2015. In inference form, with stored statistics, an affine map of each channel; in training mode
 * the statistics are the batch's, and the running ones it also gives carry no gradient.
 */
export const batchNormalization: GradientRule = (context) => {
  if (context.needs(3) || context.needs(4)) {
    unsupported(context, 'its statistics depend on a parameter', 'keep them out of the trainable parameters');
  }
  if (intAttribute(context.node, 'training_mode', 0) === 0) frozen(context);
  else withBatchStatistics(context);
};

/** With x̂ = (x - mean) / σ and g = scale · dy: dx = (g - mean(g) - x̂ · mean(g ⊙ x̂)) / σ, means over all but the channels. */
function withBatchStatistics(context: GradientContext): void {
  const { builder: b, node } = context;
  const x = input(context, 0);
  const dy = outputGradient(context);
  const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const centred = sub(b, x, reduceMean(b, x, axes));
  const variance = reduceMean(b, mul(b, centred, centred), axes);
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const inverse = b.op('Reciprocal', [b.op('Sqrt', [addScalar(b, variance, epsilon)])]);
  const normalized = mul(b, centred, inverse);
  if (context.needs(0)) {
    const projection = mul(b, normalized, reduceMean(b, mul(b, dy, normalized), axes));
    const rest = sub(b, sub(b, dy, reduceMean(b, dy, axes)), projection);
    context.give(0, mul(b, rest, mul(b, inverse, perChannel(context, input(context, 1)))));
  }
  if (context.needs(1)) context.give(1, reduceSum(b, mul(b, dy, normalized), axes, false));
  if (context.needs(2)) context.give(2, reduceSum(b, dy, axes, false));
}

function frozen(context: GradientContext): void {
  const { builder: b, node } = context;
  const x = input(context, 0);
  const dy = outputGradient(context);
  const deviation = b.op('Sqrt', [addScalar(b, input(context, 4), floatAttribute(node, 'epsilon', 1e-5))]);
  const inverse = b.op('Reciprocal', [deviation]);
  const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  if (context.needs(0)) {
    context.give(0, mul(b, dy, perChannel(context, mul(b, input(context, 1), inverse))));
  }
  if (context.needs(1)) {
    const centred = sub(b, x, perChannel(context, input(context, 3)));
    context.give(1, mul(b, reduceSum(b, mul(b, dy, centred), axes, false), inverse));
  }
  if (context.needs(2)) context.give(2, reduceSum(b, dy, axes, false));
}

/** `[C]` as `[C, 1, …]`, which broadcasts along the channels. */
function perChannel(context: GradientContext, value: Value): Value {
  const spatial = input(context, 0).shape.slice(2);
  return reshape(context.builder, value, [...value.shape, ...spatial.map(() => 1)]);
}
