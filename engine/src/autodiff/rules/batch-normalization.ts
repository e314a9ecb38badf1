import { floatAttribute, intAttribute } from '../../onnx/attributes.js';
import { dataTypeCode, elementCount, float, int, isStatic, type Value } from '../../onnx/index.js';
import { type GradientContext, type GradientRule, input, outputGradient, unsupported } from '../context.js';
import { addScalar, div, mul, reduceMean, reduceSum, reshape, sub, zerosLike } from '../expressions.js';

/**
 * Ioffe and Szegedy 2015. In inference form, with stored statistics, an affine map of each channel; in training mode
 * the statistics are the batch's, and the running ones it also gives carry no gradient.
 */
export const batchNormalization: GradientRule = (context) => {
  const training = intAttribute(context.node, 'training_mode', 0) !== 0;
  if (!(training && momentumIsZero(context)) && (context.needs(3) || context.needs(4))) {
    unsupported(context, 'its statistics depend on a parameter', 'keep them out of the trainable parameters');
  }
  if (!training) frozen(context);
  else withBatchStatistics(context);
};

/**
 * With sums over all but the channels, of which each has m elements, P = Σ dy ⊙ (x - mean) and v = σ²:
 * dx = (scale / σ) · (dy - Σdy / m) - (x - mean) · scale · P / (σ v m). The first term is what the operator itself does of dy
 * in inference form with the mean Σdy / m: one pass instead of three.
 */
function withBatchStatistics(context: GradientContext): void {
  const { builder: b, node } = context;
  const [x, weight] = [input(context, 0), input(context, 1)];
  const dy = outputGradient(context);
  const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const { mean, variance } = statisticsOf(context, axes);
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const padded = addScalar(b, variance, epsilon);
  const centred = sub(b, x, perChannel(context, mean));
  const projection = reduceSum(b, mul(b, dy, centred), axes, false);
  const sum = reduceSum(b, dy, axes, false);
  const slope = div(b, projection, b.op('Sqrt', [padded]));
  if (context.needs(0)) {
    const count = countOf(context, axes);
    const shift = zerosLike(b, weight);
    const affine = b.op('BatchNormalization', [dy, weight, shift, div(b, sum, count), variance], {
      epsilon: float(epsilon),
    });
    const bend = div(b, mul(b, slope, weight), mul(b, padded, count));
    context.give(0, sub(b, affine, mul(b, centred, perChannel(context, bend))));
  }
  if (context.needs(1)) context.give(1, slope);
  if (context.needs(2)) context.give(2, sum);
}

/** Then the operator's running statistics are the batch's, whatever they were before. */
const momentumIsZero = ({ node }: GradientContext): boolean => floatAttribute(node, 'momentum', 0.9) === 0;

/** The batch's mean and variance `[C]`: with a momentum of 0 they are the operator's second and third output. */
function statisticsOf(context: GradientContext, axes: readonly number[]): { mean: Value; variance: Value } {
  const { builder: b, node } = context;
  if (momentumIsZero(context)) {
    return { mean: b.requireOutput(node, 1), variance: b.requireOutput(node, 2) };
  }
  const x = input(context, 0);
  const mean = reduceMean(b, x, axes);
  const centred = sub(b, x, mean);
  const variance = reduceMean(b, mul(b, centred, centred), axes);
  return { mean: reshape(b, mean, [x.shape[1]]), variance: reshape(b, variance, [x.shape[1]]) };
}

/** How many elements a channel has, as a scalar. */
function countOf(context: GradientContext, axes: readonly number[]): Value {
  const { builder: b } = context;
  const x = input(context, 0);
  const sizes = axes.map((axis) => x.shape[axis]);
  if (isStatic(sizes)) return b.scalar(elementCount(sizes), x.dataType);
  const shape = b.op('Gather', [b.op('Shape', [x]), b.ints(axes)]);
  const count = b.op('ReduceProd', [shape], { keepdims: int(0) });
  return b.op('Cast', [count], { to: int(dataTypeCode(x.dataType)) });
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
